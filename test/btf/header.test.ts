import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseBtf } from '../../src/btf/index.ts'
import { refuses } from './blobs.ts'

// A blob of one type, `int`, and the strings '' 'int' 'x'.
const header = '9feb0100 18000000 00000000 10000000 10000000 07000000'
const types = '01000000 00000001 04000000 20000001'
const strings = '00696e740078 00'
const sound = `${header} ${types} ${strings}`

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], byte => Number.parseInt(byte, 16))
}

test('the blob that the guards are tried on is sound', () => {
  const btf = parseBtf(hex(sound))
  btf.check()
  assert.equal(btf.type(1), {
    kind: 'int',
    id: 1,
    name: 'int',
    size: 4,
    signed: true,
    char: false,
    bool: false,
    bits: 32,
    bitOffset: 0,
  })
})

const malformed: readonly (readonly [what: string, blob: string, message: string])[] = [
  ['nothing', '', '.BTF/header: 0 bytes are too few for a header'],
  ['one byte', '9f', '.BTF/header: 1 bytes are too few for a header'],
  ['half a header', '9feb0100 18000000', '.BTF/header: 8 bytes are too few for a header of 24'],
  [
    'another magic',
    sound.replace('9feb', '9fec'),
    ".BTF/header/magic: is bytes 9f ec, not BTF's 0xeb9f in either byte order",
  ],
  [
    'another version',
    sound.replace('9feb01', '9feb02'),
    '.BTF/header/version: is 2; only version 1 is known',
  ],
  ['flags', sound.replace('9feb0100', '9feb0104'), '.BTF/header/flags: is 0x4; no flag is known'],
  [
    'a header that is too short',
    sound.replace('18000000', '17000000'),
    '.BTF/header/hdr_len: is 23, less than the 24 bytes needed',
  ],
  [
    'a header longer than the blob',
    sound.replace('18000000', '18000001'),
    '.BTF/header/hdr_len: is 16777240, more than the 47 bytes there are',
  ],
  [
    'types that start outside',
    sound.replace('00000000 10000000 1', '00000001 10000000 1'),
    '.BTF/types: ends at byte 16777256, outside the 47 bytes there are',
  ],
  [
    'types that end outside',
    sound.replace('00000000 10000000 1', '00000000 18000000 1'),
    '.BTF/types: ends at byte 48, outside the 47 bytes there are',
  ],
  [
    'types whose end wraps around',
    sound.replace('00000000 10000000 1', 'f0ffffff 20000000 1'),
    '.BTF/types: ends at byte 4294967336, outside the 47 bytes there are',
  ],
  [
    'types that are not aligned',
    sound.replace('00000000 10000000 1', '02000000 0e000000 1'),
    '.BTF/types: starts at byte 26, which is not a multiple of 4',
  ],
  [
    'strings that end outside',
    sound.replace('07000000', '08000000'),
    '.BTF/strings: ends at byte 48, outside the 47 bytes there are',
  ],
  [
    'strings over the types',
    sound.replace('10000000 07000000', '08000000 07000000'),
    '.BTF/strings: overlaps the type section',
  ],
  [
    'no strings',
    sound.replace('07000000', '00000000'),
    '.BTF/strings: is empty; it must hold the empty name at least',
  ],
  [
    'strings that do not start with a NUL',
    sound.replace('00696e74', '61696e74'),
    '.BTF/strings: does not start with a NUL, the empty name',
  ],
  [
    'strings that do not end with a NUL',
    sound.replace('0078 00', '0078 79'),
    '.BTF/strings: does not end with a NUL',
  ],
  [
    'the rest of a type missing',
    sound.replace('00000000 10000000 1', '00000000 0c000000 1'),
    '.BTF/type[1]: an int with 0 entries goes beyond the end of the type section',
  ],
  [
    'a rest of less than a type',
    sound.replace('00000000 10000000 1', '00000000 08000000 1'),
    '.BTF/type[1]: starts 8 bytes before the end of the type section; a type has 12 at least',
  ],
]

for (const [what, blob, message] of malformed) {
  test(`a blob with ${what} is refused`, () => refuses(hex(blob), message))
}

test('a longer header is read, as a newer version would write it', () => {
  const longer = sound.replace('18000000', '20000000').replace('07000000', '07000000 0011223344556677')
  assert.is(parseBtf(hex(longer)).find('int')?.kind, 'int')
})

test.run()
