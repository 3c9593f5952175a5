import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openObject } from '../../src/index.ts'
import { listObject, Root, unpinObject } from '../../src/pin/index.ts'
import { decodeName } from '../../src/plan/names.ts'
import { fixture } from '../fixtures.ts'

/** The bpffs of the test. */
export const root: string = process.env.BPFPIN_TEST_ROOT ?? ''

/** Pins a fixture as `bpfpin pin` does, without the time that a process takes to start. */
export function pinFixture(fixtureName: string, name: string = fixtureName): void {
  openObject(fixture(fixtureName), { root, name }).upgrade().close()
}

/** Unpins whatever a test left. */
export function unpinAll(): void {
  using open = Root.find(root)
  for (const file of readdirSync(root)) if (open) unpinObject(open, decodeName(file))
}

/** All that is pinned below the root: each name, its inode, what it is, and for an object what its manifest says. */
export function everything(): unknown {
  using open = Root.find(root)
  return names().map(name => {
    const { ino, mode } = statSync(join(root, name))
    const depth = name.split('/').length
    return [
      name,
      ino,
      mode,
      open && depth === 1 && !name.includes('~') ? listObject(open, decodeName(name)) : '',
    ]
  })
}

/** Every name below the root. */
export function names(): string[] {
  return (readdirSync(root, { recursive: true }) as string[]).sort()
}

export interface Listed {
  readonly name: string
  readonly path: string
  readonly id: number
  readonly type: string
}

export interface ListedObject {
  readonly name: string
  readonly path: string
  readonly maps: readonly (Listed & { keySize: number; valueSize: number; maxEntries: number })[]
  readonly programs: readonly (Listed & { tag: string })[]
  readonly links: readonly (Listed & { programId: number; target: string | null; dead?: true })[]
  readonly previous: { readonly generation: number; readonly path: string } | null
}

/** What `bpfpin ls --json` prints. */
export interface Listing {
  readonly root: string
  readonly objects: readonly ListedObject[]
  /** Not there where one object was asked for. */
  readonly other?: readonly { path: string; kind: string; id: number | null; name: string }[]
}
