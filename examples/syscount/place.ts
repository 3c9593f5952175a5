// Where the demo pins: a directory on bpffs that is its own and that it leaves as it was.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const usualMount = '/sys/fs/bpf'
/** include/uapi/linux/magic.h: BPF_FS_MAGIC */
const bpffsMagic = 0xcafe4a11

/** Why programs cannot be loaded here, and what would help; `undefined` where they can. */
export function whatIsMissing(): readonly [problem: string, remedy: string] | undefined {
  if (process.platform !== 'linux') {
    return [`BPF is a part of Linux, and this is ${process.platform}`, 'run it in a Linux machine or VM']
  }
  if (process.geteuid?.() !== 0) {
    return ['loading BPF programs needs root', 'sudo env "PATH=$PATH" npm run demo']
  }
  if (!hasCapability(CAP_SYS_ADMIN)) {
    return [
      'root has no CAP_SYS_ADMIN here: this is a container',
      'docker run --privileged, or outside of it',
    ]
  }
  return undefined
}

const CAP_SYS_ADMIN = 21n

function hasCapability(capability: bigint): boolean {
  const mask = /^CapEff:\t([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0'
  return ((BigInt(`0x${mask}`) >> capability) & 1n) === 1n
}

/** A directory on bpffs. */
export interface Place {
  readonly root: string
  /** Removes what was made. */
  leave(): void
}

export function hasBpffs(): boolean {
  try {
    return statfsSync(usualMount).type === bpffsMagic
  } catch {
    return false
  }
}

/** A new directory where bpffs is mounted; else on a bpffs that is mounted for the demo; `undefined` where that fails. */
export function ownPlace(): Place | undefined {
  if (hasBpffs()) return directoryIn(usualMount)
  const mount = mkdtempSync(join(tmpdir(), 'bpfpin-demo-'))
  const unmounted = (): void => rmdirSync(mount)
  if (spawnSync('mount', ['-t', 'bpf', 'bpf', mount]).status !== 0) {
    unmounted()
    return undefined
  }
  const { root, leave } = directoryIn(mount)
  return {
    root,
    leave() {
      leave()
      spawnSync('umount', [mount])
      unmounted()
    },
  }
}

/** Never a directory that is there: somebody may have pinned something in it. */
function directoryIn(mount: string): Place {
  for (const name of ['demo', `demo-${process.pid}`]) {
    const root = join(mount, name)
    try {
      mkdirSync(root, { mode: 0o700 })
      return { root, leave: () => rmdirSync(root) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
  throw new Error(`${mount}/demo-${process.pid} is there already`)
}

const inNamespace = ['--mount', '--propagation', 'private', 'sh', '-c']
const mountBpffs = `mount -t bpf bpf ${usualMount}`

/** Can bpffs be mounted where it belongs without anybody else seeing it? */
export function canHaveOwnNamespace(): boolean {
  return spawnSync('unshare', [...inNamespace, mountBpffs]).status === 0
}

/** Runs this program again in a mount namespace of its own, with bpffs: whatever happens, nothing stays mounted. */
export function runInOwnNamespace(args: readonly string[]): Promise<number> {
  const again = [process.execPath, ...process.execArgv, ...args]
  const child = spawn('unshare', [...inNamespace, `${mountBpffs} && exec "$@"`, 'sh', ...again], {
    stdio: 'inherit',
  })
  // Ctrl-C reaches the child by itself, which cleans up
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', code => resolve(code ?? 1))
  })
}
