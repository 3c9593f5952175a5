import { inComment, property } from './names.ts'

/** The TypeScript type of a value: what decoding gives, and what encoding takes. Equal texts are one type. */
export interface ValueType {
  readonly read: string
  readonly write: string
}

/** A member of a struct, as TypeScript has it. */
export interface NamedField {
  readonly kind: 'field'
  readonly name: string
  readonly type: ValueType
  /** Where it lies: for a comment. */
  readonly place: string
  /** Has no bytes: need not be given. */
  readonly isEmpty: boolean
}

/** Members of a struct or of a union without a name, which are as if they were those of what is around it. */
export interface FieldGroup {
  readonly kind: 'all' | 'any'
  readonly items: readonly (NamedField | FieldGroup)[]
}

/** The type of an object that has the fields of a group. */
export function objectType(group: FieldGroup): ValueType {
  return { read: braces(allFields(group), 'read'), write: writtenGroup(group) }
}

function allFields({ items }: FieldGroup): readonly NamedField[] {
  return items.flatMap(item => (item.kind === 'field' ? [item] : allFields(item)))
}

/** All fields must be given; of a union all of one of its members. */
function writtenGroup(group: FieldGroup): string {
  if (group.kind === 'any') return writtenUnion(group)
  const fields: NamedField[] = []
  const unions: string[] = []
  for (const item of flatten(group)) {
    if (item.kind === 'field') fields.push(item)
    else unions.push(writtenUnion(item))
  }
  const own = fields.length > 0 || unions.length === 0 ? [braces(fields, 'write')] : []
  return [...own, ...unions].join(' & ')
}

/** A struct without a name in a struct is nothing of its own. */
function flatten({ items }: FieldGroup): readonly (NamedField | FieldGroup)[] {
  return items.flatMap(item =>
    item.kind === 'all' ? flatten(item) : item.kind === 'any' && allFields(item).length === 0 ? [] : [item],
  )
}

function writtenUnion({ items }: FieldGroup): string {
  const members = items
    .filter(item => item.kind === 'field' || allFields(item).length > 0)
    .map(item => (item.kind === 'field' ? braces([item], 'write') : writtenGroup(item)))
  if (members.length === 0) return braces([], 'write')
  return members.length === 1
    ? members[0]!
    : `AnyOf<[\n${members.map(member => `${indent(member)},\n`).join('')}]>`
}

function braces(fields: readonly NamedField[], side: keyof ValueType): string {
  if (fields.length === 0) return 'Record<string, never>'
  const lines = fields.flatMap(({ name, type, place, isEmpty }) => [
    ...(side === 'read' ? [`/** ${inComment(place)} */`] : []),
    `readonly ${property(name)}${isEmpty && side === 'write' ? '?' : ''}: ${type[side]}`,
  ])
  return `{\n${lines.map(line => `${indent(line)}\n`).join('')}}`
}

/** Two spaces in front of each line. */
export function indent(text: string): string {
  return `  ${text.replaceAll('\n', '\n  ')}`
}
