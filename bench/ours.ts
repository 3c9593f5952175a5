// The same work as the peers do, through the public API: one measurement a line, `OPERATION MAPS OBJECT ROOT`, answered in
// nanoseconds. A process of its own, as they are.
import { createInterface } from 'node:readline'
import { type BpfObject, openObject, openPinned } from '../src/index.ts'

type Operation = (object: string, root: string) => bigint

const operations: Readonly<Record<string, Operation>> = {
  open: object => timed(() => openObject(object))[0],
  'create+pin': (object, root) => pinned(object, root, 'create+pin'),
  pin: (object, root) => pinned(object, root, 'pin'),
  reuse(object, root) {
    pin(object, root).close()
    const spec = openObject(object, { root })
    const [taken, live] = timed(() => spec.load())
    live.close()
    unpin(object, root)
    return taken
  },
  openPinned(object, root) {
    const live = pin(object, root)
    live.close()
    const [taken, opened] = timed(() => openPinned(live.name, { root }))
    opened.close()
    unpin(object, root)
    return taken
  },
  unpin(object, root) {
    const live = pin(object, root)
    const [taken] = timed(() => live.unpin())
    live.close()
    return taken
  },
}

function timed<T>(work: () => T): [bigint, T] {
  const start = process.hrtime.bigint()
  const result = work()
  return [process.hrtime.bigint() - start, result]
}

function pinned(object: string, root: string, from: 'create+pin' | 'pin'): bigint {
  const spec = openObject(object, { root })
  const start = process.hrtime.bigint()
  const live = spec.load()
  const loaded = process.hrtime.bigint()
  live.pin()
  const end = process.hrtime.bigint()
  live.unpin()
  live.close()
  return end - (from === 'pin' ? loaded : start)
}

function pin(object: string, root: string): BpfObject {
  const live = openObject(object, { root }).load()
  live.pin()
  return live
}

function unpin(object: string, root: string): void {
  using live = openObject(object, { root }).loadPinned()
  live.unpin()
}

for await (const line of createInterface({ input: process.stdin })) {
  const [operation = '', , object = '', root = ''] = line.split(' ')
  try {
    console.log(String(operations[operation]!(object, root)))
  } catch (error) {
    console.log(`error: ${operation}: ${error instanceof Error ? error.message : error}`)
  }
}
