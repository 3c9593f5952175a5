// Compiles src/parser/assembly/core.ts, checks the module, and writes src/parser/core.generated.ts:
// `npm run build:core`. The same source gives the same bytes; a test rebuilds and compares.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import asc from 'assemblyscript/asc'
import { checkModule, type FunctionType } from './core-gate.ts'

const root: string = fileURLToPath(new URL('..', import.meta.url))
const source = 'src/parser/assembly/core.ts'
const generated: string = fileURLToPath(new URL('../src/parser/core.generated.ts', import.meta.url))

// 4,096 pages are 256 MB: with the tables beside it, room for a document of 70 MB. The BTF of a distribution's kernel
// is 5 to 10 MB, an object with BPF programs far less. Larger documents go to the twin. What is not used costs address
// space only; the bound is what keeps all address arithmetic in the core below 2^32 without a check.
const maximumPages = 4096

/** Compiles the core; the module and the text of the generated file. */
export async function buildCore(): Promise<{ wasm: Uint8Array; text: string }> {
  const wasm = await compile()
  const functions = parameterNames(readFileSync(`${root}${source}`, 'utf8'))
  const signatures = checkModule(wasm, { functions: [...functions.keys()], maximumPages })
  return { wasm, text: bindings(wasm, functions, signatures) }
}

async function compile(): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined
  // small first: what matters is inlined by hand, and the module is a part of every bundle
  const options = '-O3 --shrinkLevel 1 --converge --runtime stub --noAssert --use abort= --enable simd'.split(
    ' ',
  )
  const { error, stderr } = await asc.main(
    [source, '--baseDir', root, '-o', 'core.wasm', '--maximumMemory', `${maximumPages}`, ...options],
    {
      writeFile(_name: string, contents: Uint8Array | string) {
        if (typeof contents !== 'string') wasm = contents
      },
    },
  )
  if (error !== null || wasm === undefined) throw new Error(`asc: ${error?.message}\n${stderr.toString()}`)
  return wasm
}

/** What the source calls the parameters of each exported function: a module knows only their types. */
function parameterNames(text: string): Map<string, string[]> {
  const names = new Map<string, string[]>()
  for (const [, name, parameters] of text.matchAll(/^export function (\w+)\(([^)]*)\)/gm)) {
    names.set(
      name!,
      Array.from(parameters!.matchAll(/(\w+):/g), ([, parameter]) => parameter!),
    )
  }
  return names
}

function bindings(
  wasm: Uint8Array,
  functions: Map<string, string[]>,
  signatures: Map<string, FunctionType>,
): string {
  const lines = Array.from(functions, ([name, parameters]) => {
    const { params, results } = signatures.get(name)!
    if (params.length !== parameters.length)
      throw new Error(`${name}: ${params.length} parameters in the module`)
    const typed = parameters.map((parameter, i) => `${parameter}: ${jsType(params[i]!)}`)
    return `  ${name}(${typed.join(', ')}): ${results.length === 0 ? 'void' : jsType(results[0]!)}`
  })
  return `// Written by scripts/build-core.ts from assembly/core.ts; do not edit.

/** What the module exports, with the signatures that it was found to have. */
export interface Core {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
${lines.join('\n')}
}

/** The memory's bound, in pages of 64 KiB. */
export const maximumPages: number = ${maximumPages}

/** The module, ${wasm.length} bytes in base64. */
export const module: string =
  '${Buffer.from(wasm).toString('base64')}'
`
}

function jsType(wasmType: string): string {
  if (wasmType === 'i32') return 'number'
  throw new Error(`a parameter or result of type ${wasmType} has no plain number in JavaScript`)
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { wasm, text } = await buildCore()
  writeFileSync(generated, text)
  console.log(`src/parser/core.generated.ts: a module of ${wasm.length} bytes`)
}
