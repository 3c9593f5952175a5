import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isEmulated } from '../effort.ts'

const project = new URL('../../', import.meta.url).pathname

/** Where objects are, below the project; the name before the slash is theirs in the table. */
const places = { fixtures: 'test/fixtures', parity: 'test/parity', tools: 'test/tools', examples: 'examples' }
/** Two versions of one object each: what they define is all in the fixtures, too. */
const pairs = { pairs: 'test/pairs' }
/** Not tried in the machines, which take minutes for all of it, as no kernel makes a difference. */
const onlyHere = [
  // what is refused before any kernel is asked, or by CO-RE, whose types the interop tests compare
  ...[/^fixtures\/(wrong|elf-)/, /-eb$/, /^fixtures\/(btf-|core-(?!running|module))/],
  ...[/^parity\/sections-(odd|nowhere|later)$/, /^parity\/refused\/(call|extern|no-type)/],
  // the same maps and programs again, or very many of them
  ...[/^fixtures\/(upgrade|same-body|pinning|linked)-/, /^fixtures\/(maps-\d+|carry|counter-wider)$/],
  /^parity\/variants\/(?!cpu-)/,
  // the verifier looks at its hundred programs for minutes
  /^tools\/sysmon$/,
]

export interface TriedObject {
  /** `'fixtures/counter'` */
  readonly name: string
  readonly path: string
}

/** Every object of the tree, as far as this system tries it. */
export function objectsToTry(): TriedObject[] {
  const found = Object.entries(isEmulated ? places : { ...places, ...pairs }).flatMap(([short, place]) =>
    filesIn(join(project, place)).map(file => ({
      name: `${short}/${file.replace(/(\.bpf)?\.o$/, '')}`,
      path: join(project, place, file),
    })),
  )
  const isLeftOut = (name: string): boolean => isEmulated && onlyHere.some(pattern => pattern.test(name))
  return found.filter(({ name }) => !isLeftOut(name))
}

function filesIn(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.o'))
    .sort()
}

/** Paths of all objects below a directory. */
export function objectsIn(directory: string): string[] {
  return filesIn(directory).map(file => join(directory, file))
}
