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
  const path = nameOf(declaration)
  if (declaration.startsWith('}')) {
    // the name of a nested struct comes behind its members
    const inner = takeInner(members, depth)
    if (!/[*[]/.test(declaration)) {
      for (const member of inner) members.push({ ...member, path: below(path, member.path), depth })
      return
    }
    // an array of unnamed structs, or a pointer to one, is one field
  }
  const bitSize = Number(/:(\d+)$/.exec(declaration)?.[1] ?? 0)
  const bitOffset = 8 * Number(offset) + Number(bit ?? 0)
  if (path !== '') members.push({ path, bitOffset, bitSize, size: Number(size), depth })
}

function takeInner(members: Draft[], depth: number): Draft[] {
  const start = members.findIndex(member => member.depth > depth)
  return start < 0 ? [] : members.splice(start)
}

function below(name: string, path: string): string {
  return name === '' ? path : `${name}.${path}`
}

function nameOf(declaration: string): string {
  const pointer = /\(\*+\s*(?:const |volatile )*(\w+)(?:\[[^\]]*\])*\)/.exec(declaration)
  if (pointer) return pointer[1]!
  const plain = declaration.replace(/:\d+$/, '')
  return /(\w+)(?:\[[^\]]*\])*$/.exec(plain)?.[1] ?? ''
}
