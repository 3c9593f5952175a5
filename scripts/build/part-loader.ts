import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { BpfError } from '../../src/errors.ts'

/** What a part's file exports. */
interface PartFile {
  /** Of the build that it is from. */
  readonly build: string
  /** Parts that must be there before. */
  readonly needs: readonly string[]
  /** Runs its code, once. */
  make(given: (name: string) => unknown, part: PartOf, hand: (handed: Handed) => void): void
}

type Handed = Readonly<Record<string, unknown>>
type PartOf = (name: string) => Handed

/** Which build this is, put in by it. */
declare const $build: string

let ofMain: () => Handed
let handed: Record<string, unknown> | undefined
const made = new Set<string>()
let require: NodeJS.Require | undefined

/** Called once, by the main file: all of its own that parts use. */
export function handOver(list: () => Handed): void {
  ofMain = list
}

/**
 * What all parts that are there have to give, after this one has been loaded.
 *
 * @throws BpfError `ERR_PART` where its file is not there any more, or is of another build.
 */
export function part(name: string): Handed {
  handed ??= { ...ofMain() }
  if (!made.has(name)) make(name, handed)
  return handed
}

function make(name: string, all: Record<string, unknown>): void {
  const { needs, make } = load(name)
  for (const need of needs) part(need)
  make(
    key => all[key],
    part,
    more => Object.assign(all, more),
  )
  made.add(name)
}

function load(name: string): PartFile {
  require ??= createRequire(import.meta.url)
  const path = fileURLToPath(new URL(`./parts/${name}.cjs`, import.meta.url))
  let file: PartFile
  try {
    file = require(path) as PartFile // what the build writes there
  } catch (cause) {
    throw new BpfError(`cannot load the part '${name}' of bpfpin`, {
      code: 'ERR_PART',
      path,
      hint: 'the package was moved, or may not be seen or opened any more; a bundler needs the condition module (docs/errors.md)',
      cause,
    })
  }
  if (file.build === $build) return file
  throw new BpfError(`the part '${name}' of bpfpin is of another version than what runs`, {
    code: 'ERR_PART',
    path,
    hint: 'the package was replaced while the process ran: start it again',
  })
}
