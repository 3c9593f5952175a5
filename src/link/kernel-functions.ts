import { existsSync, readFileSync } from 'node:fs'
import { didYouMean } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { systemError } from '../syscall/index.ts'
import { isPattern, matchesPattern } from './glob.ts'
import { tracefsPath, withTracefs } from './tracefs.ts'

/**
 * Kernel functions as BPF_LINK_CREATE takes them, all by their names or all by their addresses.
 *
 * Names alone are left to the kernel, which finds the first of equal names. Patterns become the addresses of all functions
 * that match and that ftrace can stop at, and so do names beside them.
 *
 * @throws BpfError `ERR_NO_TARGET` for a pattern that nothing matches.
 */
export function kernelFunctions(asked: readonly string[], doing: string): readonly string[] | BigUint64Array {
  // the kernel counts those that it finds, and refuses where a name that is there twice is found once
  if (!asked.some(one => isPattern(one) || isAddress(one))) return [...new Set(asked)]
  const addresses = new Set<bigint>(asked.filter(isAddress).map(BigInt))
  const names = asked.filter(one => !isAddress(one))
  if (names.length === 0) return BigUint64Array.from(addresses)
  const calls = withTracefs(doing, tracefs => matchingCalls(tracefs, names, doing))
  const found = traceable(calls, doing)
  if (found === undefined) return namesOf(names, calls, addresses, doing)
  for (const one of names) {
    const matching = found.filter(({ name }) => matchesPattern(name, one))
    if (matching.length === 0) throw noFunction(one, doing)
    for (const { address } of matching) addresses.add(address)
  }
  return BigUint64Array.from(addresses)
}

/** The error for the first of some names that ftrace cannot stop at: the reason for a refusal, if it is one. */
export function untraceable(names: readonly string[], doing: string): BpfError | undefined {
  try {
    const known = new Set(traceableNames(doing))
    const missing = names.find(name => !known.has(name))
    return missing === undefined ? undefined : noFunction(missing, doing)
  } catch {
    return undefined // where there is no list, the reason stays unknown
  }
}

/**
 * The functions by their names, where /proc/kallsyms shows no addresses: with /proc/sys/kernel/kptr_restrict 2 it does to
 * nobody. Of equal names the kernel finds one.
 */
function namesOf(
  asked: readonly string[],
  calls: ReadonlyMap<string, readonly bigint[]>,
  addresses: ReadonlySet<bigint>,
  doing: string,
): string[] {
  if (addresses.size > 0) {
    throw new BpfError(`${doing}: patterns and names beside addresses need the addresses of functions`, {
      code: 'ERR_UNSUPPORTED',
      hint: 'they are hidden here: see /proc/sys/kernel/kptr_restrict; give all by name, or all by address',
    })
  }
  const names = [...calls.keys()]
  const missing = asked.find(one => !names.some(name => matchesPattern(name, one)))
  if (missing !== undefined) throw noFunction(missing, doing)
  return names
}

function isAddress(text: string): boolean {
  return /^0x[\da-f]+$/i.test(text)
}

interface KernelFunction {
  readonly name: string
  readonly address: bigint
}

/**
 * The functions that match and that ftrace can stop at, with the addresses at which they start: a program finds its cookie
 * by that (kernel/trace/bpf_trace.c: bpf_kprobe_multi_cookie), and not by the place of the call to ftrace. `undefined`
 * where all addresses are hidden.
 */
function traceable(
  calls: ReadonlyMap<string, readonly bigint[]>,
  doing: string,
): KernelFunction[] | undefined {
  const functions: KernelFunction[] = []
  // address, type, name, and for what is in a module a tab and its name
  const symbols = lines('/proc/kallsyms', doing)
  if (symbols.every(line => /^0+ /.test(line))) return undefined
  for (const line of symbols) {
    const type = line.indexOf(' ') + 1
    const tab = line.indexOf('\t', type)
    const name = line.slice(type + 2, tab < 0 ? line.length : tab)
    const places = calls.get(name)
    if (!places || !/[tw]/i.test(line[type] ?? '')) continue
    const address = BigInt(`0x${line.slice(0, type - 1)}`)
    const isThis = (place: bigint): boolean => place >= address && place - address <= callDistance
    if (places.length === 0 || places.some(isThis)) functions.push({ name, address })
  }
  return functions
}

/** How far from a function's start its call to ftrace is at most, in bytes: there can be a landing place before it. */
const callDistance = 16n

/** Where functions call ftrace, by their name, which static ones may share. Before Linux 6.5 only names are to be had. */
function matchingCalls(tracefs: string, patterns: readonly string[], doing: string): Map<string, bigint[]> {
  const withAddresses = `${tracefs}/available_filter_functions_addrs`
  const hasAddresses = existsSync(withAddresses)
  const calls = new Map<string, bigint[]>()
  const list = hasAddresses ? withAddresses : `${tracefs}/available_filter_functions`
  for (const line of lines(list, doing)) {
    const start = hasAddresses ? line.indexOf(' ') + 1 : 0
    const name = firstWord(line, start)
    if (isDiscarded(name) || !patterns.some(pattern => matchesPattern(name, pattern))) continue
    const places = calls.get(name) ?? []
    if (hasAddresses) places.push(BigInt(`0x${line.slice(0, start - 1)}`))
    calls.set(name, places)
  }
  return calls
}

function traceableNames(doing: string): string[] {
  return withTracefs(doing, tracefs =>
    lines(`${tracefs}/available_filter_functions`, doing)
      .map(line => firstWord(line, 0))
      .filter(name => !isDiscarded(name)),
  )
}

/** What stands for functions that are no more (kernel/trace/ftrace.c: FTRACE_INVALID_FUNCTION). */
function isDiscarded(name: string): boolean {
  return name.startsWith('__ftrace_invalid_address__')
}

/** A module's name may follow. */
function firstWord(line: string, start: number): string {
  const end = line.indexOf(' ', start)
  return line.slice(start, end < 0 ? line.length : end)
}

function lines(path: string, doing: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n').filter(Boolean)
  } catch (cause) {
    const { errno = -5 } = cause as NodeJS.ErrnoException // what node's fs throws
    throw systemError(errno, 'open', {
      doing: `${doing}: looking for functions`,
      path,
      hint: 'names without patterns need no such list; a kernel that is locked down gives none out',
      cause,
    })
  }
}

function noFunction(name: string, doing: string): BpfError {
  const near = isPattern(name) ? '' : didYouMean(name, traceableNames(doing))
  return new BpfError(`${doing}: this kernel has no function '${name}' that can be probed${near}`, {
    code: 'ERR_NO_TARGET',
    hint: `those that can be are listed in ${tracefsPath}/available_filter_functions`,
  })
}
