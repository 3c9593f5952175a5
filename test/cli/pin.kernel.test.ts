import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseElf } from '../../src/elf/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'
import { bpfpin, bpfpinJson } from './bpfpin.ts'
import { type Listed, type ListedObject, type Listing, names, pinFixture, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root', 'bpftool')
const namesOf = (items: readonly Listed[]): string[] => items.map(({ name }) => name)

test.after.each(unpinAll)

onKernel('ls --json of a pinned object says what bpftool says', () => {
  const pinned = bpfpin('pin', fixture('counter'), '--root', root)
  assert.equal(pinned, {
    code: 0,
    stdout: `pinned counter at ${root}/counter: 6 maps, 2 programs, 2 links\n`,
    stderr: '',
  })
  const listing = bpfpinJson<Listing>('ls', '--root', root)
  const [object] = listing.objects
  assert.equal({ ...listing, objects: listing.objects.length }, { root, objects: 1, other: [] })
  const { maps, programs, links, ...rest } = object!
  assert.equal(rest, { name: 'counter', path: `${root}/counter`, previous: null })
  checkMaps(maps)
  checkPrograms(programs)
  checkLinks(links, programs)
})

function checkMaps(maps: ListedObject['maps']): void {
  assert.equal(namesOf(maps).sort(), ['.bss', '.data', '.rodata', 'by_process', 'per_cpu', 'totals'])
  for (const map of maps) {
    const { name } = map
    const path = `${root}/counter/maps/${name.replace('.', ':')}`
    const info = bpftool('map', 'show', 'pinned', path)
    const sizes = {
      keySize: info.bytes_key,
      valueSize: info.bytes_value,
      maxEntries: info.max_entries,
    }
    assert.equal(map, { name, path, id: info.id, type: info.type, ...sizes })
  }
}

function checkPrograms(programs: ListedObject['programs']): void {
  assert.equal(namesOf(programs), ['on_enter', 'on_exit'])
  for (const program of programs) {
    const { name } = program
    const path = `${root}/counter/programs/${name}`
    const info = bpftool('prog', 'show', 'pinned', path)
    assert.equal(program, { name, path, id: info.id, type: info.type, tag: info.tag })
    assert.is(info.name, name)
  }
}

function checkLinks(links: ListedObject['links'], programs: ListedObject['programs']): void {
  assert.equal(namesOf(links), ['on_enter', 'on_exit'])
  for (const link of links) {
    const { name } = link
    const path = `${root}/counter/links/${name}`
    const info = bpftool('link', 'show', 'pinned', path)
    const target = { on_enter: 'sys_enter', on_exit: 'raw_syscalls/sys_exit' }[name]
    assert.equal(link, { name, path, id: info.id, type: info.type, programId: info.prog_id, target })
    assert.is(info.prog_id, programs.find(program => program.name === name)?.id)
  }
}

onKernel('a second pin finds everything: each id stays, and nothing new is loaded', () => {
  pinFixture('counter')
  const before = bpfpinJson<Listing>('ls', '--root', root)
  const again = bpfpin('pin', fixture('counter'), '--root', root)
  assert.equal(again, {
    code: 0,
    stdout: `found counter at ${root}/counter: 6 maps, 2 programs, 2 links; nothing was changed\n`,
    stderr: '',
  })
  assert.equal(bpfpinJson<Listing>('ls', '--root', root), before)
  const found = bpfpinJson('pin', fixture('counter'), '--root', root)
  assert.equal(found, { done: 'found', ...before.objects[0], unattached: [] })
})

onKernel(
  'a program that the object leaves out is loaded when it is named, and then until it is left out again',
  () => {
    const pin = (...args: string[]): string => {
      const { code, stdout, stderr } = bpfpin('pin', fixture('functions'), '--root', root, ...args)
      assert.is(code, 0, stderr)
      return stdout
    }
    const programs = (): string[] => namesOf(bpfpinJson<Listing>('ls', '--root', root).objects[0]!.programs)
    pin()
    assert.equal(programs(), ['run'])
    const plan = bpfpin('plan', fixture('functions'), '--root', root, '--load', 'optional')
    assert.match(plan.stdout, /optional/)
    assert.match(pin('--load', 'optional'), /^upgraded/)
    assert.equal(programs(), ['run', 'optional'])
    assert.match(pin(), /^found functions .* 2 programs, 1 link;/)
    assert.match(pin('--leave-out', 'optional'), /^upgraded/)
    assert.match(pin(), /^found functions .* 1 program,/)
  },
)

onKernel('what is to be loaded and left out must be there, and be one of both', () => {
  for (const [args, problem] of [
    [['--load', 'optionl'], "there is no program 'optionl' in the object; did you mean 'optional'?"],
    [['--load', 'optional', '--leave-out', 'optional'], "'optional' is to be loaded and to be left out"],
  ] as const) {
    const { code, stderr } = bpfpin('pin', fixture('functions'), '--root', root, ...args)
    assert.is(code, 2)
    assert.match(stderr, problem)
  }
})

onKernel('a program that does not say where is pinned and not attached, with a note', () => {
  const { code, stdout, stderr } = bpfpin('pin', fixture('map-kinds'), '--root', root, '--json')
  assert.is(code, 0)
  const { done, unattached, ...object } = JSON.parse(stdout)
  const { links } = object
  assert.is(done, 'pinned')
  assert.equal(object, bpfpinJson<Listing>('ls', '--root', root).objects[0])
  assert.equal(namesOf(links), ['jump'])
  assert.equal(unattached, [{ program: 'tail', wants: 'the name of a tracepoint' }])
  assert.match(stderr, "note: program 'tail' is pinned, but not attached: it needs the name of a tracepoint")
})

onKernel(
  'a program that the verifier refuses: the cause in one line, then its log, and nothing is pinned',
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'bpfpin-cli-'))
    try {
      const path = join(dir, 'careless.bpf.o')
      writeFileSync(path, withBranchAlive())
      const { code, stdout, stderr } = bpfpin('pin', path, '--root', root, '--verbose')
      assert.equal({ code, stdout }, { code: 1, stdout: '' })
      const [what, why, ...log] = stderr.trimEnd().split('\n')
      assert.is(what, `bpfpin: cannot pin '${path}'`)
      assert.match(
        why!,
        /^ {2}program 'careless' was refused by the verifier: .*invalid mem access 'map_value_or_null'/,
      )
      assert.ok(log.length > 5 && log.every(line => line.startsWith('  | ')))
      assert.equal(names(), [])
    } finally {
      rmSync(dir, { recursive: true })
    }
  },
)

/** The object with the constant that keeps its broken branch from the verifier set the other way. */
function withBranchAlive(): Uint8Array {
  const bytes = readFileSync(fixture('dead-branch'))
  const constants = parseElf(bytes).section('.rodata')!
  assert.is(constants.size, 1)
  bytes[constants.offset] = 1
  return bytes
}

onKernel('the process that pinned is killed, and the program counts on', async () => {
  const holder = await pinningProcess()
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  const entered = (): number =>
    bpfpinJson<{ entered: number }>('dump', 'counter/maps/.bss', '--root', root).entered
  const before = entered()
  // what it counts is the system calls of this process
  for (let i = 0; i < 100; i++) readdirSync('/proc/self/fd')
  const after = entered()
  assert.ok(after >= before + 100, `${before}, then ${after}`)
})

/** Runs until it is killed, everything pinned. */
async function pinningProcess(): Promise<ChildProcess> {
  const hold = new URL('../api/hold.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [...process.execArgv, hold, fixture('counter'), root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

onKernel('--btf says which types CO-RE relocations are resolved by', () => {
  const object = ['pin', fixture('core-running'), '--root', root, '--no-attach']
  const missing = bpfpin(...object, '--btf', '/nowhere/kernel.btf')
  assert.is(missing.code, 1)
  assert.match(missing.stderr, /reading the types in '\/nowhere\/kernel.btf': there is no such file/)
  const pinned = bpfpin(...object, '--btf', '/sys/kernel/btf/vmlinux')
  assert.is(pinned.code, 0)
  assert.match(pinned.stdout, /^pinned core-running at /)
  // the types of another system have no task_struct
  const other = bpfpin(...object, '--name', 'other', '--btf', fixture('core-kernel'))
  assert.is(other.code, 1)
  assert.match(other.stderr, /struct task_struct\.\w+: there is no such type/)
})

test.run()
