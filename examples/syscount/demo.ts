// `npm run demo [-- --seconds N]`: an object is pinned, another process reads it, it is found again, it is unpinned.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  canHaveOwnNamespace,
  hasBpffs,
  ownPlace,
  type Place,
  runInOwnNamespace,
  whatIsMissing,
} from './place.ts'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const cli = here('../../src/cli/main.ts')
const objectFile = 'examples/syscount/syscount.bpf.o'
const projectRoot = here('../..')

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    'in-namespace': { type: 'boolean', default: false },
  },
})
const { seconds, 'in-namespace': isInNamespace } = options
const missing = whatIsMissing()
const wantsNamespace = !missing && !isInNamespace && !hasBpffs() && canHaveOwnNamespace()
process.exitCode = wantsNamespace
  ? await runInOwnNamespace([...process.argv.slice(1), '--in-namespace'])
  : await tell()

async function tell(): Promise<number> {
  say('What is in the object file. This needs no root and no kernel.')
  await bpfpin('inspect', objectFile)
  if (missing) {
    const [problem, remedy] = missing
    say(`The rest needs a kernel to load it into: ${problem}.`, `  ${remedy}`)
    return 0
  }
  const place = ownPlace()
  if (!place) {
    say('The rest needs a bpffs, and none can be mounted here.', '  as root: mount -t bpf bpf /sys/fs/bpf')
    return 0
  }
  return tellOnKernel(place)
}

async function tellOnKernel(place: Place): Promise<number> {
  // Ctrl-C ends the demo, not the cleaning up
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupted.abort())
  }
  try {
    if (!(await pinIt(place.root))) return 1
    try {
      if (!interrupted.signal.aborted) await readIt(place.root, interrupted.signal)
      if (!interrupted.signal.aborted) await findIt(place.root)
    } finally {
      await unpinIt(place.root)
    }
  } finally {
    place.leave()
  }
  return interrupted.signal.aborted ? 130 : 0
}

async function pinIt(root: string): Promise<boolean> {
  say(`Loaded, attached and pinned${isInNamespace ? ', on a bpffs that only this demo sees' : ''}.`)
  if (!(await bpfpin('pin', objectFile, '--root', root))) return false
  return bpfpin('ls', '--root', root)
}

async function readIt(root: string, interrupted: AbortSignal): Promise<void> {
  say(
    'No process of ours holds it, and it counts. Another process opens the maps by path, without the object file.',
  )
  command(`node examples/syscount/top.ts ${root}/syscount`)
  const worker = run(['worker.ts'])
  const top = run(['top.ts', `${root}/syscount`, seconds])
  interrupted.addEventListener('abort', () => top.kill())
  await ended(top)
  worker.kill()
}

async function findIt(root: string): Promise<void> {
  say('Pinned a second time it is found: every map, program and link stays what it is.')
  const before = idsOf(root)
  await bpfpin('pin', objectFile, '--root', root)
  const after = idsOf(root)
  if (after !== before) throw new Error(`the ids changed from ${before} to ${after}`)
  process.stdout.write(`ids before: ${before}\nids after:  ${after}\n`)
  await bpfpin('dump', 'syscount/maps/.bss', '--root', root)
}

async function unpinIt(root: string): Promise<void> {
  say('Unpinned: the programs are detached, and bpffs is as it was.')
  await bpfpin('unpin', 'syscount', '--root', root)
}

function say(...lines: readonly string[]): void {
  const [open, close] = process.stdout.isTTY ? ['\x1b[1m', '\x1b[22m'] : ['', '']
  process.stdout.write(`\n${lines.map(line => `${open}# ${line}${close}\n`).join('')}`)
}

function command(text: string): void {
  process.stdout.write(`$ ${text}\n`)
}

/** `false` where it did not work; it has said why. */
async function bpfpin(...args: readonly string[]): Promise<boolean> {
  command(`bpfpin ${args.join(' ')}`)
  return (await ended(run([cli, ...args]))) === 0
}

/** Runs a TypeScript file in a process group of its own, which Ctrl-C does not reach: no pin is left half made. */
function run([file = '', ...args]: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url))
  return spawn(process.execPath, [...process.execArgv, path, ...args], {
    cwd: projectRoot,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', resolve)
  })
}

/** Every id of what is pinned, as `bpfpin ls --json` says. */
function idsOf(root: string): string {
  const { stdout } = spawnSync(process.execPath, [...process.execArgv, cli, 'ls', '--root', root, '--json'], {
    encoding: 'utf8',
  })
  const listed = JSON.parse(stdout) as { objects: Record<string, { id: number }[] | string>[] }
  return ['maps', 'programs', 'links']
    .map(
      kind =>
        `${kind} ${listed.objects
          .flatMap(object => object[kind] as { id: number }[])
          .map(({ id }) => id)
          .join(' ')}`,
    )
    .join(', ')
}
