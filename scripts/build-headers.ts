// `npm run build:headers` writes src/parser/headers.generated.ts: functions that read the fixed-size headers of ELF and BTF, from
// their declarations with binary-parser, which is not there at run time. `--check` writes nothing, and fails where the file is
// another. binary-parser makes code for one byte order; what it makes for the other must differ in that alone.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Parser } from 'binary-parser'

type ByteOrder = 'little' | 'big'

/** include/uapi/linux/elf.h, include/uapi/linux/btf.h, tools/lib/bpf/libbpf_internal.h */
const headers: Readonly<Record<string, (header: Parser) => Parser>> = {
  readElfHeader: header =>
    header
      .seek(16) // e_ident
      .uint16('type')
      .uint16('machine')
      .uint32('version')
      .seek(16) // e_entry, e_phoff
      .uint64('sectionsOffset')
      .uint32('flags')
      .uint16('headerSize')
      .seek(4) // e_phentsize, e_phnum
      .uint16('sectionSize')
      .uint16('sectionCount')
      .uint16('namesIndex'),
  readElfSection: header =>
    header
      .uint32('name')
      .uint32('type')
      .uint64('flags')
      .seek(8) // sh_addr
      .uint64('offset')
      .uint64('size')
      .uint32('link')
      .uint32('info')
      .uint64('align')
      .uint64('entrySize'),
  readBtfHeader: header =>
    preamble(header)
      .uint32('typesOffset')
      .uint32('typesLength')
      .uint32('stringsOffset')
      .uint32('stringsLength'),
  readBtfExtHeader: header =>
    preamble(header)
      .uint32('functionsOffset')
      .uint32('functionsLength')
      .uint32('linesOffset')
      .uint32('linesLength'),
  readBtfExtRelocations: header => header.uint32('relocationsOffset').uint32('relocationsLength'),
}

const path = join(import.meta.dirname, '../src/parser/headers.generated.ts')
const text = fileOf()
if (!process.argv.includes('--check')) writeFileSync(path, text)
else if (readFileSync(path, 'utf8') !== text) {
  console.log(`${path} is not what npm run build:headers makes`)
  process.exit(1)
}

/** What `.BTF` and `.BTF.ext` begin with. */
function preamble(header: Parser): Parser {
  return header.uint16('magic').uint8('version').uint8('flags').uint32('headerLength')
}

function fileOf(): string {
  const readers = Object.entries(headers).map(([name, declare]) => readerOf(name, declare))
  return [
    '// Written by `npm run build:headers`.',
    '',
    '/** Of 64 bits; from 2^53 on it is not exact. */',
    'function wide(view: DataView, at: number, littleEndian: boolean): number {',
    '  const low = view.getUint32(littleEndian ? at : at + 4, littleEndian)',
    '  const high = view.getUint32(littleEndian ? at + 4 : at, littleEndian)',
    '  return high === 0 ? low : high * 2 ** 32 + low',
    '}',
    '',
    ...readers,
  ].join('\n')
}

function readerOf(name: string, declare: (header: Parser) => Parser): string {
  const code = (order: ByteOrder): string => declare(new Parser().endianness(order)).getCode()
  const little = fieldsOf(code('little'))
  const big = fieldsOf(code('big'))
  const same = little.every(
    ({ name, getter, at, littleEndian }, i) =>
      name === big[i]?.name &&
      getter === big[i].getter &&
      at === big[i].at &&
      (getter === 'getUint8' || (littleEndian && !big[i].littleEndian)),
  )
  if (!same || big.length !== little.length) throw new Error(`'${name}' is another header in big-endian`)
  const type = little.map(({ name }) => `readonly ${name}: number`).join('; ')
  const reads = little.map(({ name, getter, at }) => `    ${name}: ${readOf(getter, at)},`)
  return [
    `export function ${name}(view: DataView, at: number, littleEndian: boolean): { ${type} } {`,
    ...['  return {', ...reads, '  }', '}', ''],
  ].join('\n')
}

function readOf(getter: string, offset: number): string {
  const at = offset === 0 ? 'at' : `at + ${offset}`
  if (getter === 'getUint8') return `view.getUint8(${at})`
  return getter === 'getBigUint64' ? `wide(view, ${at}, littleEndian)` : `view.${getter}(${at}, littleEndian)`
}

interface Field {
  readonly name: string
  readonly getter: string
  readonly at: number
  readonly littleEndian: boolean
}

/** What the code of binary-parser reads where; what else it does is known, or this fails. */
function fieldsOf(code: string): Field[] {
  const fields: Field[] = []
  const frame =
    /^(var dataView = .*|var offset = 0;|var vars = \{\};|vars\.\$\w+ = .*|delete vars\.\$\w+;|return vars;|)$/
  let at = 0
  for (const line of code.split('\n')) {
    const field = /^vars\.(\w+) = dataView\.(get\w+)\(offset, (true|false)\);$/.exec(line)
    const step = /^offset \+= (\d+);$/.exec(line)
    if (field) fields.push({ name: field[1]!, getter: field[2]!, at, littleEndian: field[3] === 'true' })
    else if (step) at += Number(step[1])
    else if (!frame.test(line)) throw new Error(`binary-parser makes a line that is not known: ${line}`)
  }
  return fields
}
