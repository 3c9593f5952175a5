import { BpfError } from '../errors.ts'

/** A processor that bundles can be made for, as `process.arch` names it. */
export type Arch = 'x64' | 'arm64'
/** The C library that the node of a system is linked to: musl is Alpine's. */
export type Libc = 'glibc' | 'musl'

const archs: readonly string[] = ['x64', 'arm64'] satisfies Arch[]
const libcs: readonly string[] = ['glibc', 'musl'] satisfies Libc[]

/** One build of koffi's native part. */
export interface NativeTarget {
  readonly arch: Arch
  readonly libc: Libc
}

/**
 * Every combination that was asked for, each once.
 *
 * @throws BpfError `ERR_VALUE` for names that are none.
 */
export function nativeTargets(arch: unknown = process.arch, libc: unknown = 'glibc'): NativeTarget[] {
  const wanted = chosen('arch', arch, archs).flatMap(arch =>
    // both are among the names of their lists
    chosen('libc', libc, libcs).map(libc => ({ arch, libc }) as NativeTarget),
  )
  return wanted
}

/** `x64-glibc`: what a part goes by in a bundle. */
export function targetName({ arch, libc }: NativeTarget): string {
  return `${arch}-${libc}`
}

function chosen(option: string, value: unknown, names: readonly string[]): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  for (const name of list) {
    if (typeof name === 'string' && names.includes(name)) continue
    throw new BpfError(
      `option '${option}' is ${names.join(' or ')}, or a list of them, and not ${String(name)}`,
      {
        code: 'ERR_VALUE',
        hint: `bpfpin({ ${option}: '${names[0]}' })`,
      },
    )
  }
  if (list.length > 0) return [...new Set(list as string[])] // checked above
  throw new BpfError(`option '${option}' is an empty list: the bundle would run nowhere`, {
    code: 'ERR_VALUE',
  })
}
