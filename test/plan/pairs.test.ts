import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { compareSpecs } from '../../src/plan/against.ts'
import { verdictOf } from '../../src/plan/policy.ts'
import { type ItemVerdict, reasonText } from '../../src/plan/verdict.ts'
import { pairNames, pairObject } from './pairs.ts'

/** Each pair of test/pairs: the verdict on the object, and every reason. Written by hand from the C sources. */
const rows: readonly (readonly [pair: string, verdict: string, reasons: readonly string[]])[] = [
  ['anonymous-struct', 'identical', []],
  ['constants', 'identical', ['.rodata constant limit "1" is pinned, the object asks for "2"']],
  ['constants-appended', 'identical', ['.rodata value size 8 is pinned, the object asks for 16']],
  ['data-value', 'identical', []],
  ['map-added', 'identical', ['drops is new']],
  ['map-dropped', 'identical', ['drops is gone']],
  ['ringbuf-grown', 'identical', ['flows max_entries 4096 is pinned, the object asks for 8192']],
  ['same', 'identical', []],
  ['struct-name', 'identical', []],
  [
    'bits-filled',
    'compatible',
    ['flows value.flags: none -> u32 : 5 at 0:3 (filled: reads what was in the padding)'],
  ],
  ['bool-to-int', 'compatible', ['flows value.seen: bool at 0 -> u8 at 0 (bool and int)']],
  ['bss-filled', 'compatible', ['.bss mode: none -> u32 at 4 (filled: reads what was in the padding)']],
  ['char-to-byte', 'compatible', ['flows value.comm: char[16] at 0 -> u8[16] at 0 (char and bytes)']],
  [
    'element-name',
    'compatible',
    ['flows value.slots: struct slot[2] at 0 -> struct entry[2] at 0 (another name for the type)'],
  ],
  [
    'enum-added',
    'compatible',
    ['flows value.state: enum state at 0 -> enum state at 0 (can be CLOSED, too)'],
  ],
  [
    'enum-counted',
    'compatible',
    ['flows value.state: enum state at 0 -> enum state at 0 (can be CLOSED, too)'],
  ],
  [
    'enum-renamed',
    'compatible',
    ['flows value.state: enum state at 0 -> enum state at 0 (now OPEN is ESTABLISHED)'],
  ],
  ['enum-to-int', 'compatible', ['flows value.state: enum state at 0 -> u32 at 0 (enum and int)']],
  [
    'hole-filled',
    'compatible',
    ['flows value.flags: none -> u8 at 1 (filled: reads what was in the padding)'],
  ],
  ['key-enum-added', 'compatible', ['flows key: enum reason at 0 -> enum reason at 0 (can be ABORT, too)']],
  ['key-padding-named', 'compatible', ['flows key.pad: none -> u16 at 6 (filled: padding by its name)']],
  ['key-type-name', 'compatible', ['flows key.saddr: u32 at 0 -> __u32 at 0 (another name for the type)']],
  [
    'no-types',
    'compatible',
    [
      'flows key: types -> no types (compared by size only)',
      'flows value: types -> no types (compared by size only)',
    ],
  ],
  [
    'padding-filled',
    'compatible',
    ['flows value.flags: none -> u32 at 12 (filled: reads what was in the padding)'],
  ],
  ['padding-named', 'compatible', ['flows value.pad: none -> u32 at 4 (filled: padding by its name)']],
  [
    'padding-renamed',
    'compatible',
    ['flows value.__reserved1: u32 at 4 -> u32 at 4 (renamed: padding by its name)'],
  ],
  [
    'padding-split',
    'compatible',
    [
      'flows value.pad1: u8[4] at 4 -> u16 at 4 (renamed: padding by its name)',
      'flows value.pad2: none -> u16 at 6 (filled: padding by its name)',
    ],
  ],
  [
    'pointer-target',
    'compatible',
    ['flows value.seen: struct one * at 0 -> struct other * at 0 (another name for the type)'],
  ],
  [
    'qualifier',
    'compatible',
    ['flows value.packets: u64 at 0 -> volatile u64 at 0 (another name for the type)'],
  ],
  ['type-name', 'compatible', ['flows value.packets: u64 at 0 -> __u64 at 0 (another name for the type)']],
  [
    'union-around',
    'compatible',
    ['flows value.words: none -> u32[2] at 8 (added: another view of the same bytes)'],
  ],
  [
    'union-member-added',
    'compatible',
    ['flows value.addr.raw: none -> u64 at 0 (added: another view of the same bytes)'],
  ],
  [
    'appended',
    'convertible',
    [
      'flows value size 16 is pinned, the object asks for 24',
      'flows value.drops: none -> u64 at 16 (added: has its initial value)',
    ],
  ],
  [
    'bits-to-int',
    'convertible',
    [
      'flows value.packets: u32 at 4 -> u32 at 0 (moved)',
      'flows value.state: u32 : 8 at 0:0 -> u32 at 4 (widened)',
    ],
  ],
  [
    'bits-widened',
    'convertible',
    [
      'flows value.state: u32 : 3 at 0:0 -> u32 : 6 at 0:0 (widened)',
      'flows value.mode: u32 : 5 at 0:3 -> u32 : 5 at 0:6 (moved)',
    ],
  ],
  [
    'data-appended',
    'convertible',
    [
      '.data value size 8 is pinned, the object asks for 16',
      '.data misses: none -> u64 at 8 (added: has its initial value)',
    ],
  ],
  [
    'data-field',
    'convertible',
    [
      '.data value size 8 is pinned, the object asks for 16',
      '.data stats.misses: none -> u64 at 8 (added: has its initial value)',
    ],
  ],
  ['data-filled', 'convertible', ['.data mode: none -> u32 at 4 (added: starts with another value than 0)']],
  [
    'data-inserted',
    'convertible',
    [
      '.data value size 8 is pinned, the object asks for 16',
      '.data misses: none -> u64 at 0 (added: has its initial value)',
      '.data hits: u64 at 0 -> u64 at 8 (moved)',
    ],
  ],
  ['entries-grown', 'convertible', ['flows max_entries 64 is pinned, the object asks for 128']],
  ['flags', 'convertible', ['flows flags 0x0 is pinned, the object asks for 0x1']],
  [
    'grown-array',
    'convertible',
    [
      'flows value size 16 is pinned, the object asks for 32',
      'flows value.slots: u32[4] at 0 -> u32[8] at 0 (grown)',
    ],
  ],
  [
    'grown-element',
    'convertible',
    [
      'flows value size 8 is pinned, the object asks for 16',
      'flows value.slots: struct slot[2] at 0 -> struct slot[2] at 0 (moved: elements of 4 -> 8 bytes)',
      'flows value.slots[].misses: none -> u32 at 4 (added: has its initial value)',
    ],
  ],
  ['hash-to-lru', 'convertible', ['flows type hash is pinned, the object asks for lru_hash']],
  [
    'inserted',
    'convertible',
    [
      'flows value size 16 is pinned, the object asks for 24',
      'flows value.drops: none -> u64 at 0 (added: has its initial value)',
      'flows value.packets: u64 at 0 -> u64 at 8 (moved)',
      'flows value.bytes: u64 at 8 -> u64 at 16 (moved)',
    ],
  ],
  [
    'lock-added',
    'convertible',
    [
      'flows value size 8 is pinned, the object asks for 16',
      'flows value.lock: none -> struct bpf_spin_lock at 8 (added: the kernel knows it in a new map only)',
    ],
  ],
  [
    'lock-dropped',
    'convertible',
    [
      'flows value size 16 is pinned, the object asks for 8',
      'flows value.lock: struct bpf_spin_lock at 8 -> none (dropped)',
    ],
  ],
  [
    'lock-in-padding',
    'convertible',
    ['flows value.lock: none -> struct bpf_spin_lock at 12 (added: the kernel knows it in a new map only)'],
  ],
  [
    'moved',
    'convertible',
    ['flows value.bytes: u64 at 8 -> u64 at 0 (moved)', 'flows value.packets: u64 at 0 -> u64 at 8 (moved)'],
  ],
  [
    'moved-in-element',
    'convertible',
    [
      'flows value.slots[].misses: u32 at 4 -> u32 at 0 (moved)',
      'flows value.slots[].hits: u32 at 0 -> u32 at 4 (moved)',
    ],
  ],
  [
    'named-padding-filled',
    'convertible',
    [
      'flows value.flags: none -> u8 at 4 (added: in place of padding that has a name)',
      'flows value.pad: u8[4] at 4 -> u8[3] at 5 (cut: padding by its name)',
    ],
  ],
  [
    'nested-moved',
    'convertible',
    [
      'flows value.key.saddr: u32 at 8 -> u32 at 0 (moved)',
      'flows value.key.daddr: u32 at 12 -> u32 at 4 (moved)',
      'flows value.packets: u64 at 0 -> u64 at 8 (moved)',
    ],
  ],
  [
    'pointer-to-int',
    'convertible',
    ['flows value.seen: void * at 0 -> u64 at 0 (retyped: a pointer and an integer)'],
  ],
  ['size-only', 'convertible', ['flows value size 4 is pinned, the object asks for 8']],
  [
    'timer-added',
    'convertible',
    [
      'flows value size 8 is pinned, the object asks for 24',
      'flows value.timer: none -> struct bpf_timer at 8 (added: the kernel knows it in a new map only)',
    ],
  ],
  [
    'union-grown',
    'convertible',
    [
      'flows value size 8 is pinned, the object asks for 16',
      'flows value.addr.v6: none -> u8[16] at 0 (added: has its initial value)',
    ],
  ],
  [
    'union-moved',
    'convertible',
    [
      'flows value.addr.v4: u32 at 8 -> u32 at 0 (moved)',
      'flows value.addr.raw: u64 at 8 -> u64 at 0 (moved)',
      'flows value.packets: u64 at 0 -> u64 at 8 (moved)',
    ],
  ],
  [
    'unsigned-to-wider',
    'convertible',
    [
      'flows value size 8 is pinned, the object asks for 16',
      'flows value.delta: u32 at 0 -> s64 at 0 (widened)',
      'flows value.packets: u32 at 4 -> u32 at 8 (moved)',
    ],
  ],
  [
    'widened',
    'convertible',
    [
      'flows value size 8 is pinned, the object asks for 16',
      'flows value.packets: u32 at 0 -> u64 at 0 (widened)',
      'flows value.bytes: u32 at 4 -> u32 at 8 (moved)',
    ],
  ],
  [
    'widened-elements',
    'convertible',
    [
      'flows value size 16 is pinned, the object asks for 32',
      'flows value.slots: u32[4] at 0 -> u64[4] at 0 (widened)',
    ],
  ],
  ['widened-in-place', 'convertible', ['flows value.state: u16 at 0 -> u32 at 0 (widened)']],
  [
    'widened-signed',
    'convertible',
    [
      'flows value size 8 is pinned, the object asks for 16',
      'flows value.delta: s32 at 0 -> s64 at 0 (widened)',
      'flows value.packets: u32 at 4 -> u32 at 8 (moved)',
    ],
  ],
  [
    'array-cut',
    'lossy',
    ['flows max_entries 64 is pinned, the object asks for 32 (elements that go may hold something)'],
  ],
  [
    'bits-narrowed',
    'lossy',
    ['flows value.state: u32 : 6 at 0:0 -> u32 : 3 at 0:0 (narrowed: 6 bits into 3)'],
  ],
  [
    'cut-array',
    'lossy',
    [
      'flows value size 40 is pinned, the object asks for 24',
      'flows value.slots: u32[8] at 0 -> u32[4] at 0 (cut: the last 4 of 8 elements, which may hold something)',
      'flows value.packets: u64 at 32 -> u64 at 16 (moved)',
    ],
  ],
  [
    'data-dropped',
    'lossy',
    ['.data value size 16 is pinned, the object asks for 8', '.data misses: u64 at 8 -> none (dropped)'],
  ],
  [
    'data-renamed',
    'lossy',
    ['.data failures: u64 at 8 -> u64 at 8 (renamed: was misses; its value is not carried)'],
  ],
  [
    'dropped',
    'lossy',
    [
      'flows value size 24 is pinned, the object asks for 16',
      'flows value.drops: u64 at 16 -> none (dropped)',
    ],
  ],
  [
    'dropped-same-size',
    'lossy',
    [
      'flows value.bytes: u64 at 8 -> none (dropped)',
      'flows value.state: none -> u32 at 8 (added: has its initial value)',
      'flows value.flags: none -> u32 at 12 (added: has its initial value)',
    ],
  ],
  [
    'entries-fewer',
    'lossy',
    ['flows max_entries 64 is pinned, the object asks for 32 (how many entries there are is not known)'],
  ],
  [
    'enum-gone',
    'lossy',
    ['flows value.state: enum state at 0 -> enum state at 0 (renumbered: there is no CLOSED = 2)'],
  ],
  [
    'field-to-padding',
    'lossy',
    [
      'flows value.bytes: u64 at 8 -> none (dropped)',
      'flows value.pad: none -> u64 at 8 (filled: padding by its name)',
    ],
  ],
  [
    'inner-signed',
    'incompatible',
    [
      'flows inner value: u32 at 0 -> s32 at 0 (signed: unsigned to signed)',
      'flows contents a map of such maps is pinned, the object asks for one of others (what is in it is carried as it is, which these maps cannot be)',
    ],
  ],
  [
    'inner-moved',
    'incompatible',
    [
      'first value.bytes: u64 at 8 -> u64 at 0 (moved)',
      'first value.packets: u64 at 0 -> u64 at 8 (moved)',
      'flows inner value.bytes: u64 at 8 -> u64 at 0 (moved)',
      'flows inner value.packets: u64 at 0 -> u64 at 8 (moved)',
      'flows contents a map of such maps is pinned, the object asks for one of others (what is in it is carried as it is, which these maps cannot be)',
    ],
  ],
  ['inner-grown', 'convertible', ['flows inner max_entries 64 is pinned, the object asks for 128']],
  ['int-to-bool', 'lossy', ['flows value.seen: u8 at 0 -> bool at 0 (narrowed: only 0 and 1 fit)']],
  ['narrowed', 'lossy', ['flows value.bytes: u64 at 8 -> u32 at 8 (narrowed: 64 bits into 32)']],
  [
    'renamed',
    'lossy',
    ['flows value.octets: u64 at 8 -> u64 at 8 (renamed: was bytes; its value is not carried)'],
  ],
  ['signed', 'lossy', ['flows value.bytes: u64 at 8 -> s64 at 8 (signed: unsigned to signed)']],
  [
    'signed-to-wider',
    'lossy',
    [
      'flows value size 8 is pinned, the object asks for 16',
      'flows value.delta: s32 at 0 -> u64 at 0 (signed: signed to unsigned)',
      'flows value.packets: u32 at 4 -> u32 at 8 (moved)',
    ],
  ],
  [
    'struct-named',
    'lossy',
    [
      'flows value.key.saddr: u32 at 8 -> u32 at 8 (renamed: was saddr; its value is not carried)',
      'flows value.key.daddr: u32 at 12 -> u32 at 12 (renamed: was daddr; its value is not carried)',
    ],
  ],
  [
    'timer-dropped',
    'lossy',
    [
      'flows value size 24 is pinned, the object asks for 8',
      'flows value.timer: struct bpf_timer at 8 -> none (dropped)',
    ],
  ],
  [
    'timer-kept',
    'lossy',
    [
      'flows value size 24 is pinned, the object asks for 32',
      'flows value.timer: struct bpf_timer at 8 -> struct bpf_timer at 8 (reset: starts empty)',
      'flows value.bytes: none -> u64 at 24 (added: has its initial value)',
    ],
  ],
  [
    'timer-map-grown',
    'lossy',
    [
      'flows max_entries 64 is pinned, the object asks for 128',
      'flows value.timer: struct bpf_timer at 8 -> struct bpf_timer at 8 (reset: starts empty)',
    ],
  ],
  [
    'timer-moved',
    'lossy',
    [
      'flows value size 24 is pinned, the object asks for 32',
      'flows value.bytes: none -> u64 at 8 (added: has its initial value)',
      'flows value.timer: struct bpf_timer at 8 -> struct bpf_timer at 16 (reset: starts empty)',
    ],
  ],
  [
    'union-member-dropped',
    'lossy',
    ['flows value.addr.v4: u32 at 0 -> none (dropped: was a member of a union)'],
  ],
  [
    'array-to-struct',
    'incompatible',
    ['flows value.addr: u32[2] at 0 -> struct {...} at 0 (retyped: another kind of value)'],
  ],
  [
    'enum-inserted',
    'incompatible',
    ['flows value.state: enum state at 0 -> enum state at 0 (renumbered: OPEN was 1 and is 2)'],
  ],
  [
    'enum-swapped',
    'incompatible',
    ['flows value.state: enum state at 0 -> enum state at 0 (renumbered: IDLE was 0 and is 1)'],
  ],
  ['hash-to-percpu', 'incompatible', ['flows type hash is pinned, the object asks for percpu_hash']],
  [
    'int-to-array',
    'incompatible',
    ['flows value.addr: u64 at 0 -> u8[8] at 0 (retyped: another kind of value)'],
  ],
  [
    'int-to-struct',
    'incompatible',
    ['flows value.seen: u64 at 0 -> struct {...} at 0 (retyped: another kind of value)'],
  ],
  [
    'key-filled',
    'incompatible',
    ['flows key.proto: none -> u16 at 6 (filled: reads what was in the padding)'],
  ],
  ['key-grown', 'incompatible', ['flows key size 8 is pinned, the object asks for 12']],
  [
    'key-moved',
    'incompatible',
    ['flows key.daddr: u32 at 4 -> u32 at 0 (moved)', 'flows key.saddr: u32 at 0 -> u32 at 4 (moved)'],
  ],
  [
    'key-renamed',
    'incompatible',
    ['flows key.source: u32 at 0 -> u32 at 0 (renamed: was saddr; its value is not carried)'],
  ],
  ['key-signed', 'incompatible', ['flows key: u32 at 0 -> s32 at 0 (signed: unsigned to signed)']],
  [
    'number-to-struct',
    'incompatible',
    [
      'flows value size 8 is pinned, the object asks for 16',
      'flows value: u64 at 0 -> struct {...} at 0 (retyped: another kind of value)',
    ],
  ],
  [
    'queue-grown',
    'incompatible',
    [
      'flows max_entries 64 is pinned, the object asks for 128',
      'flows contents a queue is pinned, the object asks for another one (user space cannot carry what it holds)',
    ],
  ],
  [
    'union-dissolved',
    'incompatible',
    [
      'flows value size 4 is pinned, the object asks for 8',
      'flows value.raw: u32 at 0 -> u32 at 4 (retyped: does not share the bytes that it did)',
    ],
  ],
  [
    'union-member-changed',
    'incompatible',
    ['flows value.addr.v4: u32 at 0 -> u16 at 0 (retyped: a member of a union changed)'],
  ],
  [
    'bits-moved',
    'convertible',
    [
      'flows value.packets: u32 at 4 -> u32 at 0 (moved)',
      'flows value.state: u32 : 3 at 0:0 -> u32 : 3 at 4:0 (moved)',
      'flows value.mode: u32 : 5 at 0:3 -> u32 : 5 at 4:3 (moved)',
    ],
  ],
  [
    'kptr-added',
    'convertible',
    [
      'flows value size 8 is pinned, the object asks for 16',
      'flows value.task: none -> __kptr struct task_struct * at 8 (added: the kernel knows it in a new map only)',
    ],
  ],
  [
    'kptr-to-pointer',
    'lossy',
    ['flows value.task: __kptr struct task_struct * at 8 -> struct task_struct * at 8 (reset: starts empty)'],
  ],
  [
    'sum-declared',
    'convertible',
    [
      'flows value.bytes: u64 at 8 -> u64 at 0 (moved)',
      'flows value.packets: counter at 0 -> counter at 8 (moved)',
      'flows value.slots[].state: u32 at 24 -> u32 at 20 (moved)',
      'flows value.slots[].hits: u32 at 20 -> u32 at 24 (moved)',
    ],
  ],
]

for (const [pair, verdict, reasons] of rows) {
  test(`the pair ${pair} is ${verdict}, for the expected reasons`, () => {
    const items = compareSpecs(
      openObject(pairObject(pair, 'old')).spec,
      openObject(pairObject(pair, 'new')).spec,
    )
    assert.equal(items.flatMap(linesOf), reasons)
    assert.is(verdictOf(items), verdict)
  })
}

function linesOf(item: ItemVerdict): string[] {
  const reasons = item.kind === 'program' ? [] : item.reasons
  if (reasons.length > 0) return reasons.map(reason => `${item.name} ${reasonText(reason)}`)
  return item.verdict === 'identical' ? [] : [`${item.name} is ${item.verdict}`]
}

test('every pair has its row', () => {
  assert.equal(rows.map(([pair]) => pair).toSorted(), pairNames())
})

for (const pair of pairNames()) {
  test(`both sides of the pair ${pair} are identical to themselves`, () => {
    for (const side of ['old', 'new'] as const) {
      const items = compareSpecs(
        openObject(pairObject(pair, side)).spec,
        openObject(pairObject(pair, side)).spec,
      )
      assert.equal(items.flatMap(linesOf), [])
    }
  })
}

test.run()
