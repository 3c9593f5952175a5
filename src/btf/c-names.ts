import type { Btf } from './btf.ts'
import type { BtfFwd, TypeId } from './types.ts'

/** Words that C has for itself (ISO/IEC 9899:2018, 6.4.1). */
const keywords: ReadonlySet<string> = /* @__PURE__ */ new Set(
  (
    'auto break case char const continue default do double else enum extern float for goto if inline int long register ' +
    'restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm typeof ' +
    '_Alignas _Alignof _Atomic _Bool _Complex _Generic _Imaginary _Noreturn _Static_assert _Thread_local'
  ).split(' '),
)

/**
 * A name as C takes it, in any letters that are seen (C23, 6.4.2.1), and with `$` as clang and gcc do: other compilers' types are called
 * `Option<u8>`.
 */
export function cName(name: string): string {
  const plain = name.replace(/[^\w$\p{XIDC}]|\p{DI}/gu, '_').replace(/^(?![_$\p{XIDS}])/u, '_')
  return keywords.has(plain) ? `${plain}_` : plain
}

/** Escapes of C that clang takes in an attribute: none of numbers. */
const escapes: Readonly<Record<string, string>> = {
  ...{ '\x07': 'a', '\b': 'b', '\t': 't', '\n': 'n', '\v': 'v', '\f': 'f', '\r': 'r' },
  // the last as `??/` may be a backslash (ISO/IEC 9899:2018, 5.2.1.1)
  ...{ '"': '"', '\\': '\\', '?': '?' },
}

/** A text as a string in an attribute; `undefined` where it has control characters that cannot be written there. */
export function attributeString(text: string): string | undefined {
  const inner = text.replace(/["\\?\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, char => {
    const simple = escapes[char]
    if (simple !== undefined) return `\\${simple}`
    const hex = char.codePointAt(0)!.toString(16)
    return `\\U${hex.padStart(8, '0')}`
  })
  // no such escape may stand for what is below (6.4.3)
  return /\\U000000[0-9]/.test(inner) ? undefined : `"${inner}"`
}

/** Names of one kind: what is there a second time becomes `name___2`, a flavour of the first one (see essentialName). */
class Names {
  readonly #natural = new Set<string>()
  readonly #times = new Map<string, number>()

  /** A name that something has by itself: no number makes another one like it. */
  expect(name: string): void {
    this.#natural.add(name)
  }

  take(name: string): string {
    for (let times = (this.#times.get(name) ?? 0) + 1; ; times++) {
      const candidate = times === 1 ? name : `${name}___${times}`
      if (times > 1 && (this.#natural.has(candidate) || this.#times.has(candidate))) continue
      this.#times.set(name, times)
      if (times > 1) this.#times.set(candidate, 1)
      return candidate
    }
  }
}

/**
 * What the types of a blob are called in C, where tags (of structs, unions and enums) are one space of names, and typedefs
 * and enumerators another. By id, so that the first of several keeps its name.
 */
export class CNames {
  readonly #btf: Btf
  readonly #names = new Map<TypeId, string>()
  readonly #others = new Names()

  constructor(btf: Btf) {
    this.#btf = btf
    // that of the compiler for BPF has another size than that of the kernel
    this.#others.take('__builtin_va_list')
    const tags = new Names()
    const ids = allIds(btf).filter(id => btf.nameOf(id) !== '')
    for (const id of ids) {
      const kind = btf.kindOf(id)
      if (isTagged(kind)) tags.expect(cName(btf.nameOf(id)))
      else if (kind === 'typedef') this.#others.expect(cName(btf.nameOf(id)))
    }
    for (const id of ids) {
      const kind = btf.kindOf(id)
      const name = cName(btf.nameOf(id))
      if (isTagged(kind)) this.#names.set(id, tags.take(name))
      else if (kind === 'typedef') this.#names.set(id, this.#others.take(name))
    }
    this.#nameForwards(ids, tags)
  }

  /** Of a struct, union, enum, forward declaration or typedef that has a name. */
  of(id: TypeId): string {
    return this.#names.get(id) ?? cName(this.#btf.nameOf(id))
  }

  /** Of an enumerator, each time that it is written. */
  enumerator(name: string): string {
    return this.#others.take(cName(name))
  }

  /** What is only declared is the struct of that name, if there is one. */
  #nameForwards(ids: readonly TypeId[], tags: Names): void {
    const known = new Map<string, string>()
    for (const id of ids) {
      const kind = this.#btf.kindOf(id)
      const key = `${kind} ${this.#btf.nameOf(id)}`
      if (isTagged(kind) && !known.has(key)) known.set(key, this.of(id))
    }
    for (const id of ids) {
      if (this.#btf.kindOf(id) !== 'fwd') continue
      const { name, of } = this.#btf.type(id) as BtfFwd // by its kind
      const key = `${of} ${name}`
      const tag = known.get(key) ?? tags.take(cName(name))
      known.set(key, tag)
      this.#names.set(id, tag)
    }
  }
}

function isTagged(kind: string): boolean {
  return kind === 'struct' || kind === 'union' || kind === 'enum' || kind === 'enum64'
}

/** With those of a base, which come first. */
export function allIds(btf: Btf): TypeId[] {
  return Array.from({ length: btf.count }, (_, i) => i + 1)
}
