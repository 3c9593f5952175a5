import { readdirSync } from 'node:fs'
import { mapTypes } from '../../src/spec/kernel.ts'
import {
  closeFd,
  makeDirectory,
  mapCreate,
  mapInfo,
  objGet,
  objPin,
  openFile,
  openFlag,
  removeDirectory,
  systemError,
  unlinkFile,
} from '../../src/syscall/index.ts'
import type { Given, Operation, Outcome } from './operation.ts'

/** The operations that a bare loop does, too: no object, no transaction, no verdict, nothing checked but errors. */
export const looped = ['create+pin', 'pin', 'reuse', 'unpin'] as const

/** What the library must not lose to: the system calls of the hot path in plain loops, by our own way to make them. */
export const bareLoop: Readonly<Record<string, Operation>> = Object.fromEntries(
  looped.map(name => [`${name}-loop`, (given: Given) => run(given, name)]),
)

const directoryName = 'loop'

function run({ n, root }: Given, operation: (typeof looped)[number]): Outcome {
  const path = `${root}/${directoryName}`
  const names = Array.from({ length: n }, (_, i) => `map_${i.toString(16).padStart(4, '0')}`)
  const start = process.hrtime.bigint()
  must(makeDirectory(path))
  const directory = must(openFile(path, openFlag.PATH | openFlag.DIRECTORY))
  const fds = names.map(name =>
    must(mapCreate({ type: mapTypes.array, keySize: 4, valueSize: 8, maxEntries: 1, name })),
  )
  const created = process.hrtime.bigint()
  for (const [i, name] of names.entries()) must(objPin(fds[i]!, name, directory))
  const pinned = process.hrtime.bigint()
  const found = readdirSync(path).length
  for (const fd of fds) closeFd(fd)
  const beforeReuse = process.hrtime.bigint()
  const opened = names.map(name => {
    const fd = must(objGet(name, 0, directory))
    const info = mapInfo(fd)
    if (typeof info === 'number' || info.valueSize !== 8) throw new Error(`${name} is another map`)
    return fd
  })
  const reused = process.hrtime.bigint()
  for (const name of names) must(unlinkFile(name, directory))
  must(removeDirectory(path))
  const end = process.hrtime.bigint()
  for (const fd of opened) closeFd(fd)
  closeFd(directory)
  const times = {
    'create+pin': pinned - start,
    pin: pinned - created,
    reuse: reused - beforeReuse,
    unpin: end - reused,
  }
  return [times[operation], found]
}

function must(result: number): number {
  if (result < 0) throw systemError(result, 'bpf', { doing: 'benchmarking a bare loop' })
  return result
}
