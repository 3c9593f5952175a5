import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createCodec, type Value } from '../../src/btf/index.ts'
import type { Spec } from '../../src/spec/types.ts'
import { fixtureNames, generate } from './generated.ts'
import { strictest, typecheck } from './typecheck.ts'

const generated = fixtureNames().map(name => ({
  name,
  ...generate(name, name === 'events' ? ['event'] : []),
}))

const uses = readFileSync(new URL('wrong-types.ts.txt', import.meta.url), 'utf8')

/** What tsc says of all of these modules together, and of each by itself. */
let strict: readonly string[] | undefined

function strictErrors(): readonly string[] {
  if (strict) return strict
  const files: Record<string, string> = { 'uses.ts': uses, 'example.ts': documented() }
  for (const { name, skeleton, spec } of generated) {
    // a thousand equal maps say nothing more
    const checks = name.startsWith('maps-') ? [] : [...decodedVariables(spec), ...decodedEntries(spec)]
    files[`${name}.ts`] = skeleton.ts
    files[`check-${name}.ts`] = checking(name, skeleton.ts, checks)
  }
  strict = typecheck(files)
  return strict
}

/** The example of the documentation. */
function documented(): string {
  const page = readFileSync(new URL('../../docs/skeletons.md', import.meta.url), 'utf8')
  const [, example = ''] = /^```ts\n(.*?)^```/ms.exec(page) ?? []
  assert.match(example, 'openPinnedCounter')
  return example
}

const errorsOf = (pattern: RegExp): readonly string[] => strictErrors().filter(line => pattern.test(line))

test('the skeleton of every fixture compiles under --strict', () => {
  assert.ok(generated.length > 60)
  assert.equal(errorsOf(/^(?!.*(check-|uses|example))/), [])
})

test('what is decoded of each variable, key and value has the type that is said, and is taken back', () => {
  assert.equal(errorsOf(/check-/), [])
})

test('wrong names, keys and values do not compile; right ones do', () => {
  assert.equal(errorsOf(/uses/), [])
})

test('the example of the documentation compiles', () => {
  assert.equal(errorsOf(/example/), [])
})

test('it is so for JavaScript and its declarations, too, whatever else a project has on', () => {
  const files: Record<string, string> = {
    'js/uses.ts': uses.replaceAll(/from '(\.\/[\w-]+)\.ts'/g, "from '$1.js'"),
  }
  for (const { name, skeleton } of generated.filter(({ name }) => !name.startsWith('maps-'))) {
    files[`ts/${name}.ts`] = skeleton.ts
    files[`js/${name}.js`] = skeleton.js
    files[`js/${name}.d.ts`] = skeleton.dts
  }
  assert.equal(typecheck(files, { ...strictest, noUnusedLocals: false }), [])
  const own = generated.find(({ name }) => name === 'btf-shapes')
  assert.equal(typecheck({ 'btf-shapes.ts': own?.skeleton.ts ?? '' }, strictest), [])
})

/** A module that does not compile unless each value has the type that is read, and that can be written. */
function checking(name: string, skeleton: string, checks: readonly Decoded[]): string {
  const types = /interface (\w+)Types/.exec(skeleton)?.[1]
  const lines = checks.flatMap(({ of, read, write, value }, i) => [
    `const r${i}: ${read} = ${literal(value)} // ${of}`,
    `export const w${i}: ${write} = r${i}`,
  ])
  return [`import type { ${types}Types as O } from './${name}.ts'`, ...lines].join('\n')
}

interface Decoded {
  readonly of: string
  readonly read: string
  readonly write: string
  readonly value: Value
}

function decodedVariables(spec: Spec): Decoded[] {
  return spec.variables
    .filter(({ linkage }) => linkage !== 'extern')
    .map(variable => {
      const of = `O['variables'][${JSON.stringify(variable.name)}]`
      const [read, write] = [`ReturnType<${of}['get']>`, `Parameters<${of}['set']>[0]`]
      return { of: variable.name, read, write, value: variable.get() }
    })
}

/** All of an entry zero, and all of it ones: that is in no enum. */
function decodedEntries(spec: Spec): Decoded[] {
  const { btf } = spec
  if (!btf) return []
  return spec.maps.flatMap(
    ({ name, keyType, keySize, valueType, valueSize, type, section, inner, structOps }) => {
      if (section || inner || structOps || type.startsWith('percpu') || type.startsWith('lru_percpu'))
        return []
      const of = `O['maps'][${JSON.stringify(name)}]`
      const parts = [
        { id: keyType, size: keySize, at: 0 },
        { id: valueType, size: valueSize, at: 1 },
      ]
      return parts.flatMap(({ id, size, at }) => {
        if (id === 0 || size === 0 || btf.sizeOf(id) !== size) return []
        const codec = createCodec(btf, id)
        const read = `${of} extends { entries(): Iterable<infer E extends [unknown, unknown]> } ? E[${at}] : never`
        const write = `Parameters<${of}['set']>[${at}]`
        return [0, 0xff].map(byte => ({
          ...{ of: name, read, write },
          value: codec.decode(new Uint8Array(size).fill(byte)),
        }))
      })
    },
  )
}

/** A value as TypeScript writes it. */
function literal(value: Value): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : String(value)
  if (value instanceof Uint8Array) return `new Uint8Array(${value.length})`
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object') return JSON.stringify(value)
  const fields = Object.entries(value).map(([name, field]) => `${JSON.stringify(name)}: ${literal(field)}`)
  return `{ ${fields.join(', ')} }`
}

test.run()
