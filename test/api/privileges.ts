// A process with few capabilities, which tries what one can do with this library and says what came of each.
import { readdirSync, readFileSync } from 'node:fs'
import {
  type BpfError,
  enableStats,
  type ObjectSpec,
  openMap,
  openObject,
  openPinned,
} from '../../src/index.ts'
import { inProcess } from '../cli/in-process.ts'
import { fixture } from '../fixtures.ts'

const [root = '', own = '', cgroup = ''] = process.argv.slice(2)

/** A fixture with nothing but what is named of its programs. */
function part(name: string, programs: readonly string[]): ObjectSpec {
  const spec = openObject(fixture(name), { root: own })
  for (const program of spec.programs) program.autoload = programs.includes(program.name)
  return spec
}

function loaded(name: string, ...programs: string[]): void {
  part(name, programs).load().close()
}

function attached(spec: ObjectSpec): void {
  using object = spec.load()
  object.attach()
  // nothing that cannot be attached is left out without a word
  if ([...object.links].length === 0) throw new Error('nothing was attached')
}

async function command(name: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await inProcess(name, ...args)
  if (code !== 0) throw Object.assign(new Error(stderr), { code: `exit ${code}`, hint: stderr })
}

/** Each row of the table in docs/security.md, by its first words. */
const operations: Record<string, () => unknown> = {
  'open an object, `inspect`': () => command('inspect', fixture('counter')),
  '`gen`': () => command('gen', fixture('counter'), '--json'),
  '`plan --against` a file': () => command('plan', fixture('counter'), '--against', fixture('counter')),
  '`ls`': () => command('ls', '--root', root),
  '`openPinned(name, { readOnly })`': () => {
    using object = openPinned('shared', { root, readOnly: true, follow: true })
    object.maps.get('by_process').get(1)
  },
  '`openMap(path, { readOnly })`, as bytes': () =>
    openMap(`${root}/shared/maps/by_process`, { readOnly: true }).close(),
  'types of a map by its path': () => {
    using map = openMap(`${root}/shared/maps/by_process`, { readOnly: true })
    if (map.types === undefined) throw Object.assign(new Error(), { code: 'bytes', hint: 'CAP_SYS_ADMIN' })
  },
  'write maps whose pins one may only read': () => openPinned('shared', { root }).close(),
  'pin in a directory of another user': () => openObject(fixture('functions'), { root }).upgrade().close(),
  'create maps': () => loaded('functions'),
  'create socket and device maps': () => loaded('link-sock'),
  'load `SEC("syscall")` programs': () =>
    loaded(
      'functions',
      ...[...openObject(fixture('functions')).programs].map(({ name }) => name).slice(0, 1),
    ),
  'load tracing programs': () =>
    loaded('counter', ...[...openObject(fixture('counter')).programs].map(({ name }) => name)),
  'load `xdp` and `tc` programs': () => loaded('links', 'on_xdp', 'on_tcx'),
  'attach to a raw tracepoint': () => attached(part('execs', ['on_exec'])),
  'load `cgroup_skb` programs': () => loaded('links', 'on_cgroup'),
  'attach `cgroup_skb` programs': () => {
    const spec = part('links', ['on_cgroup'])
    spec.programs.get('on_cgroup').target = { cgroup }
    attached(spec)
  },
  'attach `xdp` programs': () => {
    const spec = part('links', ['on_xdp'])
    spec.programs.get('on_xdp').target = { interface: 'lo' }
    attached(spec)
  },
  'pin, find, `unpin`': () => {
    using object = part('functions', []).upgrade()
    using found = part('functions', []).loadPinned()
    if (found.maps.size !== object.maps.size) throw new Error('not all of it was found')
    object.unpin()
    if (readdirSync(own).length > 0) throw new Error('something is left')
  },
  '`enableStats()`': () => enableStats()[Symbol.dispose](),
}

const said: Record<string, string> = {}
for (const [what, run] of Object.entries(operations)) {
  try {
    await run()
    said[what] = 'yes'
  } catch (error) {
    const { code, hint, message } = error as BpfError
    said[what] = `${code}: ${hint ?? message}`
  }
}
const capabilities = /^CapEff:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
console.log(JSON.stringify({ capabilities, said }))
