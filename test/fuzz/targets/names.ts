import { transformSync } from 'esbuild'
import fc from 'fast-check'
import { inspect } from '../../../src/cli/inspect.ts'
import { toJson } from '../../../src/cli/json.ts'
import { assignmentText } from '../../../src/cli/value-text.ts'
import { visible } from '../../../src/cli/visible.ts'
import { generateSkeleton } from '../../../src/codegen/index.ts'
import { parseSpec } from '../../../src/spec/parse.ts'
import { isPlacedOr, type Questions, type Target } from '../contract.ts'
import type { Sound } from '../damage.ts'
import { objectRecipe, writeObject } from '../generated-objects.ts'
import { elfSound } from '../sounds.ts'
import { temporaryFileOf } from '../temporary.ts'

/** Ends of what a name is put into, and what is done then: that must never be code. */
const pieces = [
  ...[
    "'",
    '"',
    '`',
    '*/',
    '/*',
    '//',
    '${',
    '}',
    ']',
    ')',
    '\\',
    '\n',
    '\r',
    '\u2028',
    '\u2029',
    '</script>',
    '#',
  ],
  ...[
    ';broken=1;',
    '\x1b[2J',
    '\x1b]0;title\x07',
    '\x9b2J',
    '\x7f',
    '\b',

    '\t',
    ' ',
    '%s',
    '??/',
  ],
  ...[
    '\u061c',
    '\u200f',
    '\u202e',
    '\u2066',
    '\u200b',
    '\ufeff',
    '\u{e0041}',
    '\u{10ffff}',
    'é',
    '²',
    '__proto__',
  ],
  ...['constructor', '-', '.', ':', '<', '@', 'class'],
]
const name = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 4 }).map(parts => parts.join(''))

/** Objects whose maps, programs, variables and types have names that nobody gives them. */
const named: fc.Arbitrary<Sound> = fc
  .record({ recipe: objectRecipe, names: fc.array(name, { minLength: 1, maxLength: 6 }) })
  .map(({ recipe, names }) => {
    let turn = 0
    const known = new Map<string, string>()
    const rename = (plain: string): string => {
      const odd = names[turn++ % names.length]!
      const renamed = known.get(plain) ?? (turn % 2 === 0 ? odd + plain : plain + odd)
      known.set(plain, renamed)
      return renamed
    }
    return elfSound(
      'oddly named object',
      writeObject({ ...recipe, types: { ...recipe.types, times: 1 }, hasTypes: true }, rename),
    )
  })

/** What shows names, or writes code with them: to a terminal, as JSON, as TypeScript and as C. */
export const namesTarget: Target = {
  name: 'names',
  sounds: named,
  isRefusal: isPlacedOr('ERR_EXTERN', 'ERR_CORE', 'ERR_VALUE'),
  hasTwin: false,
  ask(bytes, questions) {
    const path = temporaryFileOf(bytes)
    // each takes as long as any other target
    switch (questions.turn % 4) {
      case 0:
        return mustBeShowable(inspected(path, {}))
      case 1:
        return mustBeJson(bytes, inspected(path, { json: true }), questions)
      case 2:
        return writeModules(bytes, questions)
      default:
        return mustBeC(inspected(path, { btf: 'c' }))
    }
  },
}

function inspected(path: string, options: { readonly btf?: string; readonly json?: true }): string[] {
  const lines: string[] = []
  const output = {
    json: options.json === true,
    width: undefined,
    paint: (_: unknown, text: string) => visible(text),
    print: (more: readonly string[]) => void lines.push(...more),
    document: (value: unknown) => void lines.push(...[...toJson(value)].flatMap(text => text.split('\n'))),
    note: (text: string) => void lines.push(visible(text)),
  }
  inspect.run({ operands: [path], options, repeated: {}, root: '/sys/fs/bpf' }, output, [])
  return lines
}

/** One line each, which moves no cursor, paints nothing and is read as it is written. */
function mustBeShowable(lines: readonly string[]): void {
  for (const line of lines) {
    const odd = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.exec(line.replaceAll('\t', ''))
    if (odd) throw new Error(`a line has U+${odd[0].codePointAt(0)?.toString(16)}: ${JSON.stringify(line)}`)
  }
}

/** What a program reads there are the names, whatever they are shown as. */
function mustBeJson(bytes: Uint8Array, lines: readonly string[], questions: Questions): void {
  mustBeShowable(lines)
  // inspect's help says so
  const { maps } = JSON.parse(lines.join('\n')) as { maps: readonly { readonly name: string }[] }
  const spec = parseSpec(bytes, 'odd')
  if (maps.some(({ name }, i) => name !== spec.maps[i]?.name)) throw new Error('JSON has other names')
  for (const variable of spec.variables) {
    if (variable.size > 4096) continue
    questions.attempt(() => mustBeShowable([assignmentText(variable.name, variable.get())]))
  }
}

function writeModules(bytes: Uint8Array, questions: Questions): void {
  const spec = parseSpec(bytes, "odd */ ' \\")
  const { ts, js, dts } = generateSkeleton(spec, { source: 'odd\n*/ ;broken=1;', bytes })
  questions.note(ts, js, dts)
  for (const text of [ts, js, dts]) {
    mustBeShowable(text.split('\n'))
    const code = text.replace(/'(?:\\.|[^'\\\n])*'|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '')
    const broken = /['"`\\]|\bbroken\s*=/.exec(code)
    if (broken)
      throw new Error(`code has what was a name: ${code.slice(Math.max(0, broken.index - 40)).slice(0, 99)}`)
  }
  // which is another program each time
  if (questions.turn % 512 === 0) for (const text of [ts, dts]) transformSync(text, { loader: 'ts' })
}

/** C has names of letters that are seen, digits and underscores; nothing of another name is anywhere but in a string, or a comment. */
function mustBeC(lines: readonly string[]): void {
  mustBeShowable(lines)
  // no trigraph can end a string either (ISO/IEC 9899:2018, 5.2.1.1)
  const passed = /"(?:\\[abtnvfr"\\?]|\\U[0-9a-f]{8}|[^"\\?\n])*"|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g
  const text = lines.join('\n').replace(passed, '')
  const broken = /["'`\\@%?]|\bbroken\s*=|[^\t\n\x20-\x7e\p{XIDC}]|\p{DI}/u.exec(text)
  if (broken)
    throw new Error(`C has what was a name: ${text.slice(Math.max(0, broken.index - 40)).slice(0, 99)}`)
}
