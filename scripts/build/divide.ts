import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { isShared, keepApart } from './apart.ts'
import { lateBuiltins } from './builtins.ts'
import { type ExportedNames, exportedNames, mustExportFunctions } from './exported-names.ts'
import { parts } from './parts.ts'
import { sourceName, src } from './places.ts'

// The library in one main file and parts. A part is a function in a file of CommonJS, as that can be loaded in the middle of
// anything: it is given what it uses of the main file and of parts before it, by names like `map/map.BpfMap`, and hands over
// what others use of it. So every file of src/ is in one place only, and a class is one class everywhere.

export interface Division {
  readonly main: string
  /** The text of each part's file, by its name. */
  readonly parts: ReadonlyMap<string, string>
}

/** What one build made. */
interface Unit {
  readonly text: string
  /** Files of src/ that have something in it. */
  readonly files: readonly string[]
  /** What it is given. */
  readonly given: readonly string[]
  /** What it loads a part for. */
  readonly demanded: readonly string[]
}

/** The main file's name among the units. */
const mainUnit = 'index'

const partOf: ReadonlyMap<string, string> = new Map(
  Object.entries(parts).flatMap(([part, files]) => files.map(file => [file, part])),
)

/** @param dist - Where the main file will be. */
export async function divide(dist: string, options: BuildOptions): Promise<Division> {
  const names = await exportedNames()
  for (const file of partOf.keys()) mustExportFunctions(file, names.get(file) ?? [])
  // what each unit hands over: all that was ever needed, as what others use may bring more files into it
  const handed = new Map<string, Set<string>>(
    [mainUnit, ...Object.keys(parts)].map(unit => [unit, new Set()]),
  )
  for (;;) {
    const units = await buildUnits(dist, options, names, handed)
    const owners = ownersOf(units)
    const before = count(handed)
    for (const { given, demanded } of units.values()) {
      for (const use of given) handed.get(owners.get(fileOf(use)) ?? mainUnit)!.add(use)
      for (const use of demanded) handed.get(partOf.get(fileOf(use))!)!.add(use)
    }
    if (count(handed) === before) return written(units, owners)
  }
}

const count = (handed: ReadonlyMap<string, ReadonlySet<string>>): number =>
  [...handed.values()].reduce((sum, { size }) => sum + size, 0)

const fileOf = (use: string): string => use.slice(0, use.lastIndexOf('.'))
const nameOf = (use: string): string => use.slice(use.lastIndexOf('.') + 1)

async function buildUnits(
  dist: string,
  options: BuildOptions,
  names: ExportedNames,
  handed: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<Map<string, Unit>> {
  const units = new Map<string, Unit>()
  const taken = new Set<string>()
  for (const [unit, uses] of handed) {
    const made = await buildUnit(unit, dist, options, elsewhere(unit, names, taken), [...uses].sort())
    units.set(unit, made)
    for (const file of made.files) taken.add(file)
  }
  return units
}

async function buildUnit(
  unit: string,
  dist: string,
  options: BuildOptions,
  elsewhere: Plugin,
  handed: readonly string[],
): Promise<Unit> {
  const contents = unit === mainUnit ? mainText(handed) : partText(handed)
  const outfile = join(dist, `${unit}.js`)
  const { outputFiles, metafile } = await build({
    ...options,
    ...{ stdin: { contents, resolveDir: src, loader: 'ts' }, outfile, write: false, metafile: true },
    ...{ bundle: true, format: 'esm' },
    plugins: [lateBuiltins, elsewhere, keepApart(dist, outfile, isShared)],
  })
  const [output] = Object.values(metafile.outputs)
  const text = outputFiles[0]!.text
  const matches = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map(match => match[1]!)
  return {
    text,
    files: Object.entries(output!.inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([path]) => sourceName(process.cwd(), path))
      .filter(name => name !== undefined),
    given: matches(/\$given\("([\w/.-]+)"\)/g),
    demanded: matches(/\("\w+"\)\["([\w/.-]+)"\]/g),
  }
}

/** What it hands over is listed when the first part is loaded. */
function mainText(handed: readonly string[]): string {
  return [
    `export * from './index.ts'`,
    `import { handOver } from '../scripts/build/part-loader.ts'`,
    imports(handed),
    `handOver(() => ({ ${pairs(handed)} }))`,
  ].join('\n')
}

function partText(handed: readonly string[]): string {
  return `${imports(handed)}\n$hand({ ${pairs(handed)} })`
}

const imports = (handed: readonly string[]): string =>
  handed.map((use, i) => `import { ${nameOf(use)} as handed${i} } from './${fileOf(use)}.ts'`).join('\n')

const pairs = (handed: readonly string[]): string => handed.map((use, i) => `'${use}': handed${i}`).join(', ')

/** What a unit imports and has not itself: files of units before it, and those that parts are named by. */
function elsewhere(unit: string, names: ExportedNames, taken: ReadonlySet<string>): Plugin {
  return {
    name: 'elsewhere',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\..*\.ts$/ }, ({ resolveDir, path }) => {
        const name = sourceName(resolveDir, path)
        if (name === undefined) return undefined
        const part = partOf.get(name)
        const namespace =
          part !== undefined && part !== unit ? 'on-demand' : isGiven(name) ? 'given' : undefined
        return namespace && { path: name, namespace, sideEffects: false }
      })
      onLoad({ filter: /./, namespace: 'on-demand' }, ({ path }) => ({
        contents: onDemand(unit, path, names.get(path)!),
        resolveDir: import.meta.dirname,
      }))
      onLoad({ filter: /./, namespace: 'given' }, ({ path }) => ({
        contents: names
          .get(path)!
          .map(name => `export const ${name} = /* @__PURE__ */ $given("${path}.${name}")`)
          .join('\n'),
      }))
    },
  }
  function isGiven(name: string): boolean {
    return unit !== mainUnit && (taken.has(name) || isShared(name))
  }
}

/** Functions that load their part when they are first called. */
function onDemand(unit: string, file: string, names: readonly string[]): string {
  const load = unit === mainUnit ? `import { part } from './part-loader.ts'` : 'const part = $part'
  const functions = names.map(
    (name, i) =>
      `let f${i}\nexport function ${name}() { return (f${i} ??= part("${partOf.get(file)}")["${file}.${name}"])(...arguments) }`,
  )
  return [load, ...functions].join('\n')
}

/** Which part each file is in; those of the main one are not listed. */
function ownersOf(units: ReadonlyMap<string, Unit>): Map<string, string> {
  const owners = new Map<string, string>()
  for (const [unit, { files }] of units) {
    for (const file of files) {
      const other = owners.get(file)
      if (other !== undefined) throw new Error(`src/${file}.ts is in two places: ${other} and ${unit}`)
      owners.set(file, unit)
    }
  }
  return owners
}

function written(units: ReadonlyMap<string, Unit>, owners: ReadonlyMap<string, string>): Division {
  const texts = [...units.values()].map(({ text }) => text)
  const id = createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 16)
  const [main, ...rest] = [...units]
  const parts = rest.map(([name, { text, given }]): [string, string] => {
    const needs = new Set(given.map(use => owners.get(fileOf(use)) ?? mainUnit))
    needs.delete(mainUnit)
    return [name, partFile(text, id, [...needs])]
  })
  return { main: main![1].text.replaceAll('$build', JSON.stringify(id)), parts: new Map(parts) }
}

/** The parentheses make V8 compile the function at once, as it is called at once: else it would go through it twice. */
function partFile(text: string, build: string, needs: readonly string[]): string {
  return `'use strict'
exports.build = ${JSON.stringify(build)}
exports.needs = ${JSON.stringify(needs)}
exports.make = (function ($given, $part, $hand) {
${text}})
`
}
