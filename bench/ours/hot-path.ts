import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type BpfObject, openObject, openPinned } from '../../src/index.ts'
import { type Operation, timed } from './operation.ts'

/** Bulk work on maps, through the public API. */
export const hotPath: Readonly<Record<string, Operation>> = {
  open({ file }) {
    const [taken, spec] = timed(() => openObject(file))
    return [taken, spec.maps.size]
  },
  'create+pin': ({ file, root }) => pinned(file, root, 'create+pin'),
  pin: ({ file, root }) => pinned(file, root, 'pin'),
  reuse({ file, root }) {
    const maps = pinAndClose(file, root)
    const spec = openObject(file, { root })
    const [taken, live] = timed(() => spec.load())
    live.close()
    unpin(file, root)
    return [taken, maps]
  },
  openPinned({ file, root }) {
    const maps = pinAndClose(file, root)
    const { name } = openObject(file)
    const [taken, opened] = timed(() => openPinned(name, { root }))
    opened.close()
    unpin(file, root)
    return [taken, maps]
  },
  unpin({ file, root }) {
    const live = load(file, root)
    live.pin()
    const maps = countPins(live, root)
    const [taken] = timed(() => live.unpin())
    live.close()
    if (existsSync(join(root, live.name))) throw new Error(`${live.name} is still pinned`)
    return [taken, maps]
  },
}

function pinned(file: string, root: string, from: 'create+pin' | 'pin'): [bigint, number] {
  const spec = openObject(file, { root })
  const start = process.hrtime.bigint()
  const live = spec.load()
  const loaded = process.hrtime.bigint()
  live.pin()
  const end = process.hrtime.bigint()
  const maps = countPins(live, root)
  live.unpin()
  live.close()
  return [end - (from === 'pin' ? loaded : start), maps]
}

function load(file: string, root: string): BpfObject {
  return openObject(file, { root }).load()
}

function pinAndClose(file: string, root: string): number {
  using live = load(file, root)
  live.pin()
  return countPins(live, root)
}

function countPins({ name }: BpfObject, root: string): number {
  return readdirSync(join(root, name, 'maps')).length
}

function unpin(file: string, root: string): void {
  using live = openObject(file, { root }).loadPinned()
  live.unpin()
}
