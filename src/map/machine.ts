import { readFileSync } from 'node:fs'
import { fileError } from '../errors.ts'
import type { Machine } from '../plan/shape.ts'

let machine: Machine | undefined

/** What sizes of maps depend on, read once. */
export function thisMachine(): Machine {
  machine ??= { possibleCpus: possibleCpus(), pageSize: pageSize() }
  return machine
}

/** How many there can be: the kernel lays out one value for each (kernel/bpf/arraymap.c: bpf_percpu_array_copy). */
function possibleCpus(): number {
  return cpuList('possible').length
}

/** The numbers of the CPUs that run now. */
export function onlineCpus(): number[] {
  return cpuList('online')
}

/** What the kernel writes as `0-3,8-11`. */
function cpuList(name: string): number[] {
  const ranges = read(`/sys/devices/system/cpu/${name}`).toString('latin1').trim().split(',')
  return ranges.flatMap(range => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}

/** The auxiliary vector is pairs of machine words: a key and its value (getauxval(3)). */
function pageSize(): number {
  const AT_PAGESZ = 6n
  const bytes = read('/proc/self/auxv')
  const words = new BigUint64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
  for (let i = 0; i + 1 < words.length; i += 2) if (words[i] === AT_PAGESZ) return Number(words[i + 1])
  return 4096
}

function read(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw fileError('finding out what this machine has', path, cause)
  }
}
