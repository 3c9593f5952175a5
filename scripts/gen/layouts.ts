import type { Btf, BtfComposite, BtfMember, BtfType } from '../../src/btf/index.ts'
import { compositeOf, enumOf } from './kernel-types.ts'

/** Members of union bpf_attr that have no name, by a member that only they have. */
const unnamed: Record<string, string> = {
  map_type: 'mapCreate',
  next_key: 'mapElement',
  prog_type: 'progLoad',
  pathname: 'object',
  attach_bpf_fd: 'progAttach',
  next_id: 'byId',
  btf_log_buf: 'btfLoad',
}
const named: Record<string, string> = {
  batch: 'mapBatch',
  test: 'testRun',
  info: 'infoByFd',
  query: 'progQuery',
  raw_tracepoint: 'rawTracepoint',
  task_fd_query: 'taskFdQuery',
  link_create: 'linkCreate',
  link_update: 'linkUpdate',
  link_detach: 'linkDetach',
  enable_stats: 'enableStats',
  iter_create: 'iterCreate',
  prog_bind_map: 'progBindMap',
  token_create: 'tokenCreate',
  prog_stream_read: 'progStreamRead',
}
const structs: Record<string, string> = {
  bpf_map_info: 'mapInfo',
  bpf_prog_info: 'progInfo',
  bpf_btf_info: 'btfInfo',
  bpf_link_info: 'linkInfo',
  perf_event_attr: 'perfEventAttr',
}

/** Of a struct with more than we ever use, what is used: all of a table is in the library. */
const used: Record<string, readonly string[]> = {
  perfEventAttr: [
    'type',
    'size',
    'config',
    'sample_period',
    'sample_type',
    'freq',
    'wakeup_events',
    'config1',
    'config2',
  ],
  progInfo: [
    'attach_btf_id',
    'attach_btf_obj_id',
    'btf_id',
    'created_by_uid',
    'gpl_compatible',
    'id',
    'ifindex',
    'jited_prog_len',
    'load_time',
    'map_ids',
    'name',
    'nr_map_ids',
    'recursion_misses',
    'run_cnt',
    'run_time_ns',
    'tag',
    'type',
    'verified_insns',
    'xlated_prog_len',
  ],
}

interface Field {
  readonly name: string
  readonly offset: number
  readonly note: string
  readonly nested?: readonly Field[]
}

/** The text of src/syscall/attr.generated.ts. */
export function layoutsOf(btf: Btf, kernel: string): string {
  const out = [
    `// Made by scripts/gen-attr.ts from the BTF of Linux ${kernel}; not edited by hand.`,
    '// Offsets in bytes. `size_` is the size of the whole.',
    '',
    '/** Commands of bpf(2). */',
    'export const command = {',
    ...enumerators(btf, 'bpf_cmd', ''),
    '} as const',
    '',
    '/** BPF_LINK_TYPE_* */',
    'export const linkType = {',
    ...enumerators(btf, 'bpf_link_type', 'BPF_LINK_TYPE_'),
    '} as const',
    '',
    '/** BPF_PERF_EVENT_* */',
    'export const perfEventType = {',
    ...enumerators(btf, 'bpf_perf_event_type', 'BPF_PERF_EVENT_'),
    '} as const',
    '',
  ]
  const attr = compositeOf(btf, 'bpf_attr', 'union')
  for (const member of attr.members) {
    const composite = asComposite(btf.type(member.type))
    const name = member.name === '' ? unnamedPart(composite, btf) : named[member.name]
    if (name === undefined)
      throw new Error(`union bpf_attr has a new part: ${member.name || composite.members[0]?.name}`)
    out.push(`/** union bpf_attr: ${about(member, composite)} */`, ...layout(name, composite, btf), '')
  }
  for (const [struct, name] of Object.entries(structs)) {
    out.push(`/** struct ${struct} */`, ...layout(name, compositeOf(btf, struct, 'struct'), btf), '')
  }
  return out.join('\n')
}

function enumerators(btf: Btf, name: string, prefix: string): string[] {
  return enumOf(btf, name)
    .values.filter(enumerator => !enumerator.name.startsWith('__')) // __MAX_..., which grows
    .map(enumerator => `  ${enumerator.name.slice(prefix.length)}: ${enumerator.value},`)
}

function about(member: BtfMember, composite: BtfComposite): string {
  return member.name === '' ? `the unnamed struct of ${composite.members[0]?.name || 'ids'}` : member.name
}

function unnamedPart(composite: BtfComposite, btf: Btf): string | undefined {
  const names = fieldsOf(composite, 0, btf).map(field => field.name)
  return Object.entries(unnamed).find(([marker]) => names.includes(marker))?.[1]
}

function layout(name: string, composite: BtfComposite, btf: Btf): string[] {
  const fields = fieldsOf(composite, 0, btf).filter(field => used[name]?.includes(field.name) ?? true)
  const body = print(fields, '  ')
  return [`export const ${name} = {`, ...body, `  size_: ${composite.size},`, '} as const']
}

function print(fields: readonly Field[], indent: string): string[] {
  return fields.flatMap(({ name, offset, note, nested }) =>
    nested
      ? [`${indent}${name}: {`, ...print(nested, `${indent}  `), `${indent}},`]
      : [`${indent}${name}: ${offset}, // ${note}`],
  )
}

/** Members of unnamed structs and unions count as members of what is around them, as in C. */
function fieldsOf(composite: BtfComposite, base: number, btf: Btf): Field[] {
  return composite.members.flatMap((member): Field[] => {
    const bits = base * 8 + member.bitOffset
    const offset = Math.floor(bits / 8)
    const type = btf.resolve(member.type)
    if (type.kind !== 'struct' && type.kind !== 'union') {
      return /^(__|$)/.test(member.name)
        ? []
        : [{ name: member.name, offset, note: note(member, bits, type, btf) }]
    }
    if (member.name === '') return fieldsOf(type, offset, btf)
    return [{ name: member.name, offset, note: '', nested: fieldsOf(type, offset, btf) }]
  })
}

function note(member: BtfMember, bits: number, type: BtfType, btf: Btf): string {
  if (member.bitSize > 0)
    return `bit ${bits % 8}${member.bitSize > 1 ? ` to ${(bits % 8) + member.bitSize - 1}` : ''}`
  if (type.kind === 'array') return `${intName(btf.resolve(type.elementType))}[${type.length}]`
  return intName(type)
}

function intName(type: BtfType): string {
  if (type.kind === 'int') return `${type.signed ? 's' : 'u'}${type.size * 8}`
  if (type.kind === 'enum') return `u${type.size * 8}`
  throw new Error(`a field of kind ${type.kind} in a bpf struct`)
}

function asComposite(type: BtfType): BtfComposite {
  if (type.kind === 'struct' || type.kind === 'union') return type
  throw new Error(`a part of union bpf_attr is of kind ${type.kind}`)
}
