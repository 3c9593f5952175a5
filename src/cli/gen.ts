import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { openObject } from '../api/open-object.ts'
import { generateSkeleton, type Skeleton } from '../codegen/index.ts'
import { BpfError } from '../errors.ts'
import { type Command, exitCodes, notWritable, objectAdvice } from './command.ts'
import { UsageError } from './command-line.ts'

export const gen: Command = {
  options: {
    output: {
      value: 'FILE',
      short: 'o',
      text: 'where to: .ts, .mts, or .js, .mjs with a .d.ts, .d.mts beside it',
    },
    name: { value: 'NAME', text: "the object's name, default its file name less .bpf.o or .o" },
    type: {
      ...{ value: 'TYPE', isRepeatable: true },
      text: 'also declare this struct, union or enum of the object, as that of a ring buffer; may be repeated',
    },
  },
  details: [
    'Writes a module that opens OBJECT without its file, and knows what is in it: openCounter() for counter.bpf.o, and',
    'openPinnedCounter() for what is pinned of it. Maps, programs, links and variables are properties with the types that',
    'the object has for them, so that a wrong name or a wrong type does not compile. It imports bpfpin and nothing else.',
    '',
    'Without --output the TypeScript module is printed. The same object gives the same text, whatever the machine; a file',
    'that is so already is not written again. Debugging information that the object has besides BTF is embedded, too:',
    'llvm-strip -g makes it smaller.',
    '',
    'With --json: {files: [{path, written}]}.',
  ].join('\n'),
  advice: objectAdvice,
  purpose: operand => `generate a module of '${operand}'`,
  run({ operands: [source = ''], options, repeated, root }, output) {
    const { output: path, name } = options
    const files = typeof path === 'string' ? filesAt(path) : undefined
    const object = openObject(source, { root, ...(typeof name === 'string' ? { name } : {}) })
    const skeleton = generateSkeleton(object.spec, {
      ...{ source: basename(source), bytes: readFileSync(source), brotli: compress },
      types: repeated.type ?? [],
    })
    if (!files) {
      output.print(skeleton.ts.trimEnd().split('\n'))
      return exitCodes.done
    }
    const written = files.map(({ path, form }) => ({ path, written: writeText(path, skeleton[form]) }))
    if (output.json) output.document({ files: written })
    else output.print(written.map(file => `${file.path}${file.written ? '' : ' is up to date'}`))
    return exitCodes.done
  },
}

interface File {
  readonly path: string
  readonly form: keyof Skeleton
}

/** What a file is to be, by its name. */
function filesAt(path: string): readonly File[] {
  const [, stem = '', m, kind] = /^(.*)\.(m?)(ts|js)$/s.exec(path) ?? []
  if (kind === undefined || basename(stem) === '' || path.endsWith(`.d.${m}ts`)) {
    throw new UsageError(
      `gen: option '--output' takes a .ts, .mts, .js or .mjs file, not '${path}'`,
      'gen --help',
    )
  }
  if (kind === 'ts') return [{ path, form: 'ts' }]
  return [
    { path, form: 'js' },
    { path: `${stem}.d.${m}ts`, form: 'dts' },
  ]
}

/** Writes it, unless it is so already: what watches files has nothing to do then. */
function writeText(path: string, text: string): boolean {
  try {
    if (currentText(path) === text) return false
    writeFileSync(path, text)
    return true
  } catch (cause) {
    const { code = 'EIO', message } = cause as NodeJS.ErrnoException // what Node's fs throws
    throw new BpfError(`writing '${path}': ${message}`, { code, path, cause, hint: notWritable })
  }
}

function currentText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The best that it can do takes seconds for what is megabytes. */
const patience = 2 ** 19

function compress(bytes: Uint8Array): Uint8Array {
  const quality = bytes.length > patience ? 9 : constants.BROTLI_MAX_QUALITY
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: quality,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  }
  return brotliCompressSync(bytes, { params })
}
