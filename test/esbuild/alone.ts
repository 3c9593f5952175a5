import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const modules = fileURLToPath(new URL('../../node_modules', import.meta.url))

/** What is different where a tool runs alone. */
export interface Surroundings {
  /** Shell commands that come first. */
  readonly prepare?: string
  readonly env?: NodeJS.ProcessEnv
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Where the test's own directory on bpffs is for what runs alone. */
export const rootThere = '/mnt/bpf'

/**
 * Copies a file alone into an empty directory and runs it there, in a mount namespace without the checkout's node_modules:
 * `runAlone(file, ['node', 'tool.mjs'])`.
 */
export function runAlone(
  file: string,
  command: readonly string[],
  { prepare = '', env = {} }: Surroundings = {},
): Ended {
  const script = `
    set -e
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/bpf /mnt/empty
    mount --bind "$BPFPIN_TEST_ROOT" /mnt/bpf
    mount -t tmpfs tmpfs /mnt/empty
    cp "$file" /mnt/empty
    mount -t tmpfs tmpfs "$modules"
    cd /mnt/empty
    ${prepare}
    exec "$@"`
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...command],
    { encoding: 'utf8', env: { ...process.env, file, modules, ...env }, timeout: 60_000 },
  )
  return { code: status, stdout, stderr }
}

/** Shell: mounts file systems with these options wherever something could be written, `/dev` and the working directory too. */
export function mountOver(options: string): string {
  const places = ['/dev/shm', '/tmp', '/var/tmp', '/root', '/run', '/home', '/srv']
  return [
    ...places.map(place => `[ ! -d ${place} ] || mount -t tmpfs -o ${options} tmpfs ${place}`),
    `mount --bind /dev /dev && mount -o remount,bind,${options} /dev`,
    `mount -o remount,${options} /mnt/empty`,
    `mount -o remount,${options} /mnt`,
  ].join('\n')
}
