import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as generated from '../../src/syscall/attr.generated.ts'
import { needs } from '../requirements.ts'

type Layout = { readonly [field: string]: number | Layout }

/** The part of union bpf_attr, or the struct, that each table describes; an unnamed part has no name in C either. */
const origins: Record<string, { readonly type: string; readonly part: string }> = {
  ...attr('', ['mapCreate', 'mapElement', 'progLoad', 'object', 'progAttach', 'byId', 'btfLoad']),
  ...attr('batch', ['mapBatch']),
  ...attr('test', ['testRun']),
  ...attr('info', ['infoByFd']),
  ...attr('query', ['progQuery']),
  ...attr('raw_tracepoint', ['rawTracepoint']),
  ...attr('task_fd_query', ['taskFdQuery']),
  ...attr('link_create', ['linkCreate']),
  ...attr('link_update', ['linkUpdate']),
  ...attr('link_detach', ['linkDetach']),
  ...attr('enable_stats', ['enableStats']),
  ...attr('iter_create', ['iterCreate']),
  ...attr('prog_bind_map', ['progBindMap']),
  ...attr('token_create', ['tokenCreate']),
  ...attr('prog_stream_read', ['progStreamRead']),
  mapInfo: { type: 'struct bpf_map_info', part: '' },
  progInfo: { type: 'struct bpf_prog_info', part: '' },
  btfInfo: { type: 'struct bpf_btf_info', part: '' },
  linkInfo: { type: 'struct bpf_link_info', part: '' },
  perfEventAttr: { type: 'struct perf_event_attr', part: '' },
}

function attr(part: string, tables: string[]): Record<string, { type: string; part: string }> {
  return Object.fromEntries(tables.map(table => [table, { type: 'union bpf_attr', part }]))
}

const { command, linkType, perfEventType, ...tables } = generated
const layouts = Object.entries(tables as Record<string, Layout>)
const text = readFileSync(new URL('../../src/syscall/attr.generated.ts', import.meta.url), 'utf8')

/** `link_create.tcx.relative_fd` -> offset, of all fields that are not bits. */
function flatten(layout: Layout, prefix: string): Map<string, number> {
  const flat = new Map<string, number>()
  for (const [name, value] of Object.entries(layout)) {
    if (name === 'size_') continue
    const path = prefix === '' ? name : `${prefix}.${name}`
    if (typeof value === 'number') flat.set(path, value)
    else for (const [inner, offset] of flatten(value, path)) flat.set(inner, offset)
  }
  return flat
}

test('every table says what it describes', () => {
  assert.equal(layouts.map(([name]) => name).sort(), Object.keys(origins).sort())
})

needs(
  test,
  'pahole',
  '/sys/kernel/btf/vmlinux',
)('offsets and sizes are those that pahole reads', () => {
  const shown = new Map<string, Map<string, string>>()
  let compared = 0
  for (const [name, layout] of layouts) {
    const { type, part } = origins[name]!
    if (!shown.has(type)) shown.set(type, pahole(type.split(' ')[1]!))
    const sizes = sizesOf(name)
    for (const [path, offset] of flatten(layout, part)) {
      const size = sizes.get(path.slice(part === '' ? 0 : part.length + 1))
      if (size === undefined) continue // a bit field: pahole gives its whole word
      const known = shown.get(type)!.get(path)
      // a field of a newer kernel than this one, which the check of generated files is about
      if (known === undefined) continue
      assert.is(`${offset} ${size}`, known, `${type} ${path}`)
      compared++
    }
  }
  assert.ok(compared > 250, `${compared} fields compared`)
})

/** `path` -> `offset size` from the text that pahole prints; unnamed parts count as what is around them. */
function pahole(type: string): Map<string, string> {
  const fields = new Map<string, string>()
  const lines = execFileSync('pahole', ['-C', type, '/sys/kernel/btf/vmlinux'], { encoding: 'utf8' }).split(
    '\n',
  )
  // blocks are named where they end, so that they are collected first
  const open: Map<string, string>[] = [new Map()]
  for (const line of lines) {
    const field = /(\w+)(?:\[\d+\])?(?::\d+)?;\s+\/\*\s+(\d+)(?::\s*\d+)?\s+(\d+) \*\//.exec(line)
    const end = /^\t+\} ?(\w*);/.exec(line)
    if (/^\t+(?:struct|union) \{$/.test(line)) open.push(new Map())
    else if (end) {
      const block = open.pop()!
      for (const [path, value] of block) open.at(-1)!.set(end[1] === '' ? path : `${end[1]}.${path}`, value)
    } else if (field) open.at(-1)!.set(field[1]!, `${field[2]} ${field[3]}`)
  }
  for (const [path, value] of open[0]!) fields.set(path, value)
  return fields
}

/** Sizes as the comments of the generated file say: `u32`, `u8[16]`. */
function sizesOf(table: string): Map<string, number> {
  const sizes = new Map<string, number>()
  const path: string[] = []
  const body = text.slice(text.indexOf(`export const ${table} = {`)).split('\n')
  for (const line of body.slice(1, body.indexOf('} as const'))) {
    const opened = /^\s+(\w+): \{$/.exec(line)
    const field = /^\s+(\w+): \d+, \/\/ [us](\d+)(?:\[(\d+)\])?$/.exec(line)
    if (opened) path.push(opened[1]!)
    else if (/^\s+\},$/.test(line)) path.pop()
    else if (field) sizes.set([...path, field[1]].join('.'), (Number(field[2]) / 8) * Number(field[3] ?? 1))
  }
  return sizes
}

needs(
  test,
  'cc',
  '/usr/include/linux/bpf.h',
)('offsets are those that a C compiler gives', () => {
  const dir = mkdtempSync(join(tmpdir(), 'bpfpin-layout-'))
  try {
    const rows = layouts.flatMap(([name, layout]) => {
      const { type, part } = origins[name]!
      return [...flatten(layout, part)].map(([path, offset]) => ({ type, path, offset }))
    })
    const known = rows.filter(row => !unknownToHeaders(dir, rows).has(`${row.type} ${row.path}`))
    assert.ok(known.length > 150, `${known.length} of ${rows.length} fields are in the system's headers`)
    const source = join(dir, 'offsets.c')
    const prints = known.map(({ type, path }) => `printf("%zu\\n", offsetof(${type}, ${path}));`)
    writeFileSync(source, program(prints))
    execFileSync('cc', ['-o', join(dir, 'offsets'), source])
    const lines = execFileSync(join(dir, 'offsets'), { encoding: 'utf8' }).trimEnd().split('\n')
    for (const [i, row] of known.entries()) assert.is(row.offset, Number(lines[i]), `${row.type} ${row.path}`)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

function program(statements: string[]): string {
  const headers = ['stddef.h', 'stdio.h', 'linux/bpf.h', 'linux/perf_event.h']
  return [...headers.map(header => `#include <${header}>`), 'int main(void) {', ...statements, '}'].join('\n')
}

/** Fields newer than the installed headers, and bit fields, which have no offset: what does not compile. */
let unknown: Set<string> | undefined
function unknownToHeaders(dir: string, rows: { type: string; path: string }[]): Set<string> {
  if (unknown !== undefined) return unknown
  const source = join(dir, 'probe.c')
  writeFileSync(
    source,
    program(rows.map(({ type, path }) => `sizeof(char[offsetof(${type}, ${path}) + 1]);`)),
  )
  const { stderr } = spawnSync('cc', ['-fsyntax-only', '-w', '-fmax-errors=0', source], { encoding: 'utf8' })
  const firstRow = 6 // lines of the headers and of main
  const bad = [...stderr.matchAll(/probe\.c:(\d+):\d+: error/g)].map(
    match => rows[Number(match[1]) - firstRow]!,
  )
  unknown = new Set(bad.map(({ type, path }) => `${type} ${path}`))
  return unknown
}

needs(test, '/usr/include/linux/bpf.h')('commands are those of the system headers', () => {
  const names = enumerators('bpf_cmd')
  assert.ok(names.length > 30)
  for (const [value, name] of names.entries()) {
    assert.is((command as Record<string, number>)[name], value, name)
  }
  assert.is(linkType.TCX, 11)
  assert.is(perfEventType.EVENT, 6)
})

/** Names of an enum that counts from 0, in order; aliases (`X = Y`) and the end mark are left out. */
function enumerators(name: string): string[] {
  const header = readFileSync('/usr/include/linux/bpf.h', 'utf8')
  const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(header)?.[1] ?? ''
  return [...body.matchAll(/^\s*(BPF_\w+)( = 0)?,/gm)].map(match => match[1]!)
}

test.run()
