import { existsSync, readFileSync } from 'node:fs'
import { didYouMean } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { isPattern, matchesPattern } from './glob.ts'
import { tracefsPath, withTracefs } from './tracefs.ts'

/**
 * Kernel functions as BPF_LINK_CREATE takes them, all by their names or all by their addresses.
 *
 * Names are left to the kernel, which finds the first of equal names. Patterns become the addresses of all functions that
 * match and that ftrace can stop at.
 *
 * @throws BpfError `ERR_NO_TARGET` for a pattern that nothing matches.
 */
export function kernelFunctions(asked: readonly string[], doing: string): readonly string[] | BigUint64Array {
  if (!asked.some(one => isPattern(one) || isAddress(one))) return asked
  const addresses = new Set<bigint>(asked.filter(isAddress).map(BigInt))
  const rest = asked.filter(one => !isAddress(one))
  if (rest.length > 0) {
    const traceable = withTracefs(doing, readTraceable)
    for (const one of rest) {
      const found = matching(traceable, one)
      if (found.length === 0) throw noFunction(one, traceable, doing)
      for (const { address } of found) addresses.add(address)
    }
  }
  return BigUint64Array.from(addresses)
}

/** Which of some names are of functions that ftrace can stop at: the reason for a refusal is looked for with it. */
export function untraceable(names: readonly string[], doing: string): BpfError | undefined {
  const traceable = withTracefs(doing, readTraceable)
  const known = new Set(traceable.map(({ name }) => name))
  const missing = names.find(name => !known.has(name))
  return missing === undefined ? undefined : noFunction(missing, traceable, doing)
}

function isAddress(text: string): boolean {
  return /^0x[\da-f]+$/i.test(text)
}

interface KernelFunction {
  readonly name: string
  readonly address: bigint
}

function matching(functions: readonly KernelFunction[], pattern: string): KernelFunction[] {
  return functions.filter(({ name }) => matchesPattern(name, pattern))
}

/** The functions that ftrace can stop at, with their addresses. */
function readTraceable(tracefs: string): KernelFunction[] {
  const withAddresses = `${tracefs}/available_filter_functions_addrs` // Linux 6.5
  if (existsSync(withAddresses)) {
    return lines(withAddresses).flatMap(line => {
      const [address = '0', name = ''] = line.split(' ')
      return isInvalid(name) ? [] : [{ name, address: BigInt(`0x${address}`) }]
    })
  }
  const names = new Set(
    lines(`${tracefs}/available_filter_functions`).map(line => line.split(' ', 1)[0] ?? ''),
  )
  return lines('/proc/kallsyms').flatMap(line => {
    const [address = '0', type = '', name = ''] = line.split(/[ \t]/)
    return /^[tw]$/i.test(type) && names.has(name) && !isInvalid(name)
      ? [{ name, address: BigInt(`0x${address}`) }]
      : []
  })
}

/** What stands for functions that were discarded (kernel/trace/ftrace.c: FTRACE_INVALID_FUNCTION). */
function isInvalid(name: string): boolean {
  return name.startsWith('__ftrace_invalid_address__')
}

function lines(path: string): string[] {
  return readFileSync(path, 'latin1').split('\n').filter(Boolean)
}

function noFunction(name: string, known: readonly KernelFunction[], doing: string): BpfError {
  const near = isPattern(name)
    ? ''
    : didYouMean(
        name,
        known.map(one => one.name),
      )
  return new BpfError(`${doing}: this kernel has no function '${name}' that can be probed${near}`, {
    code: 'ERR_NO_TARGET',
    hint: `those that can be are listed in ${tracefsPath}/available_filter_functions`,
  })
}
