import { existsSync } from 'node:fs'
import { release } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Test } from 'uvu'

/**
 * Registers a test that can only run where something outside the project is there; elsewhere it is skipped, the runner
 * prints why, and in CI that is a failure.
 *
 *     needs(test, 'bpftool')('the ids are the ones that bpftool shows', () => { ... })
 *     needs(test, 'linux 6.5')('a pin is opened below a directory descriptor', () => { ... })
 *
 * A requirement is `root`, `linux MAJOR.MINOR`, an absolute path, or the name of a command. In the virtual machines, which
 * have old kernels on purpose, a test that only lacks a later kernel is no skip: the runner counts it apart, and sees to
 * it that another kernel runs it.
 */
export function needs(test: Test, ...requirements: string[]): Register {
  const missing = requirements.filter(requirement => !isMet(requirement))
  if (missing.length === 0) return (name, handler) => test(name, async () => void (await handler()))
  return name => {
    test.skip()
    const isForAnother = process.env.BPFPIN_MACHINE !== undefined && missing.every(isOfKernel)
    if (isForAnother) globalThis.bpfpinElsewhere?.push({ name, needs: missing })
    else say(`"${name}" needs ${missing.join(' and ')}`)
  }
}

type Register = (name: string, handler: () => unknown) => void

function isMet(requirement: string): boolean {
  if (requirement === 'root') return process.getuid?.() === 0
  if (requirement.startsWith('/')) return existsSync(requirement)
  if (isOfKernel(requirement)) return isAtLeast(release(), requirement)
  return commandPath(requirement) !== undefined
}

function isOfKernel(requirement: string): boolean {
  return /^linux \d+\.\d+$/.test(requirement)
}

/** Is a kernel of that release, `'6.1.0-56-cloud-amd64'`, what `'linux 5.9'` asks for? */
export function isAtLeast(kernel: string, requirement: string): boolean {
  const [major, minor] = kernel.split('.').map(Number)
  const [wantedMajor, wantedMinor] = requirement.slice('linux '.length).split('.').map(Number)
  return major! > wantedMajor! || (major === wantedMajor && minor! >= wantedMinor!)
}

/** Where a command is, as the shell would find it; undefined if nowhere. */
export function commandPath(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map(dir => join(dir, name))
    .find(existsSync)
}

// the runner puts its watch on uvu's functions; by plain node the reason is printed
declare global {
  var bpfpinSkips: string[] | undefined
  var bpfpinElsewhere: { name: string; needs: string[] }[] | undefined
}

function say(reason: string): void {
  if (globalThis.bpfpinSkips !== undefined) globalThis.bpfpinSkips.push(reason)
  else console.log(`skipped: ${reason}`)
}
