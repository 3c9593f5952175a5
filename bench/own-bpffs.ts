import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const variable = 'BPFPIN_BENCH_ROOT'

/**
 * Runs a benchmark with a bpffs of its own, so that nothing of the machine is touched: the program itself is started
 * again in a mount namespace, and only there goes on.
 */
export async function onOwnBpffs(measure: (root: string) => void | Promise<void>): Promise<void> {
  const root = process.env[variable]
  if (root !== undefined) return measure(root)
  if (process.getuid?.() !== 0) throw new Error('benchmarks call bpf(2): run them as root')
  const place = mkdtempSync(join(tmpdir(), 'bpfpin-bench-'))
  const command = 'mount -t bpf bpf "$0" && exec "$@"'
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  try {
    execFileSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', command, place, ...self], {
      stdio: 'inherit',
      env: { ...process.env, [variable]: place },
    })
  } catch (error) {
    // what went wrong it has said itself
    process.exitCode = (error as { status?: number }).status ?? 1
  } finally {
    rmdirSync(place)
  }
}
