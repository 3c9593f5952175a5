import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What a run of the tool came to. */
export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** Runs the tool: `bpfpin('ls', '--json')`. */
export function bpfpin(...args: string[]): Run {
  return bpfpinIn({}, ...args)
}

/** As {@link bpfpin}, with changes to the environment and options of node. */
export function bpfpinIn(
  { env = {}, node = [] }: { readonly env?: NodeJS.ProcessEnv; readonly node?: readonly string[] },
  ...args: string[]
): Run {
  const [command = '', ...rest] = commandLine(...args)
  const { status, stdout, stderr } = spawnSync(command, [...node, ...rest], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
  })
  return { code: status, stdout, stderr }
}

/** The command behind {@link bpfpin}, for tests that start it themselves. */
export function commandLine(...args: string[]): string[] {
  return [process.execPath, ...process.execArgv, main, ...args]
}

/** Runs it with `--json`; its document, and a failed test where it did not succeed. */
export function bpfpinJson<T>(...args: string[]): T {
  const { code, stdout, stderr } = bpfpin(...args, '--json')
  if (code !== 0) throw new Error(`bpfpin ${args.join(' ')}: exit code ${code}\n${stderr}`)
  // the caller knows what the command prints
  return JSON.parse(stdout) as T
}
