/** A struct or union as pahole prints it. */
export interface PaholeStruct {
  readonly kind: 'struct' | 'union'
  readonly name: string
  readonly members: readonly PaholeMember[]
}

export interface PaholeMember {
  /** With the names of enclosing members; structs that have a name of their own are not opened up. */
  readonly path: string
  /** From the start of the struct. */
  readonly bitOffset: number
  /** Of a bitfield, else 0. */
  readonly bitSize: number
  /** Bytes. */
  readonly size: number
}

interface Draft extends PaholeMember {
  path: string
  readonly depth: number
}

/** Reads the output of `pahole -F btf FILE`. */
export function* membersByPahole(output: string): Generator<PaholeStruct> {
  let head: { kind: 'struct' | 'union'; name: string } | undefined
  let members: Draft[] = []
  for (const line of output.split('\n')) {
    const start = /^(struct|union) (\w+) \{/.exec(line)
    if (start) {
      head = { kind: start[1] === 'union' ? 'union' : 'struct', name: start[2]! }
      members = []
    } else if (line.startsWith('}')) {
      if (head) yield { ...head, members }
      head = undefined
    } else if (head) {
      readLine(line, members)
    }
  }
}

/** `type name[2];  /* offset size *\/`, a bitfield `type name:3;  /* offset: bit size *\/`, or the end of a nested one. */
function readLine(line: string, members: Draft[]): void {
  const found = /^(\t+)(.*?);\s*\/\*\s+(\d+)(?::\s*(\d+))?\s+(\d+)\s+\*\/$/.exec(line)
  if (!found) return
  const [, tabs, written, offset, bit, size] = found
  const declaration = written!.replace(/\s*__attribute__\(\(\w+(\(\d+\))?\)\)/g, '')
  const depth = tabs!.length
  if (declaration.startsWith('}')) {
    nameInner(members, depth, nameOf(declaration.slice(1)))
    return
  }
  const bitSize = Number(/:(\d+)$/.exec(declaration)?.[1] ?? 0)
  const bitOffset = 8 * Number(offset) + Number(bit ?? 0)
  const path = nameOf(declaration)
  if (path !== '') members.push({ path, bitOffset, bitSize, size: Number(size), depth })
}

/** The name of a nested struct comes behind its members. */
function nameInner(members: Draft[], depth: number, name: string): void {
  const inner = members.filter(member => member.depth > depth)
  if (name.includes('[')) {
    // an array of unnamed structs stays one field
    members.length -= inner.length
    return
  }
  members.length -= inner.length
  for (const member of inner)
    members.push({ ...member, path: name === '' ? member.path : `${name}.${member.path}`, depth })
}

function nameOf(declaration: string): string {
  const pointer = /\(\*+\s*(?:const |volatile )*(\w+)(?:\[[^\]]*\])*\)/.exec(declaration)
  if (pointer) return pointer[1]!
  const plain = declaration.replace(/:\d+$/, '')
  if (declaration.startsWith(' ') && /\]$/.test(plain)) return '['
  return /(\w+)(?:\[[^\]]*\])*$/.exec(plain)?.[1] ?? ''
}
