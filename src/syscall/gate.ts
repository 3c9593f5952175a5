import { address, at, getText, offsetOf, u32 } from './arena.ts'
import { command, object } from './attr.generated.ts'
import { native } from './native.ts'
import { numbersFor, type SyscallName, type SyscallNumbers } from './numbers.ts'

// Every system call of this project goes through one of the three functions below. They return what the kernel
// returns: a number >= 0, or a negative errno. They throw only where there is no native part at all.

let numbers: SyscallNumbers | undefined
let interceptor: Interceptor | undefined

/** bpf(2) on the attribute union in the arena, of which the first `size` bytes count. */
export function bpf(cmd: number, size: number): number {
  if (interceptor !== undefined) {
    const result = interceptor(bpfCall(cmd, size))
    if (result !== undefined) return result
  }
  return makeBpf(cmd, size)
}

function makeBpf(cmd: number, size: number): number {
  const { syscall3, errno } = native()
  numbers ??= numbersFor(process.arch)
  const result = syscall3(numbers.bpf, cmd, address(at.attr), size)
  return result < 0 ? -errno() : result
}

/** Any other call with at most three arguments. */
export function call3(name: SyscallName, a: number, b: number, c: number): number {
  if (interceptor !== undefined) {
    const result = interceptor(otherCall(name, [a, b, c]))
    if (result !== undefined) return result
  }
  return make3(name, a, b, c)
}

function make3(name: SyscallName, a: number, b: number, c: number): number {
  const { syscall3, errno } = native()
  numbers ??= numbersFor(process.arch)
  const result = syscall3(numbers[name], a, b, c)
  return result < 0 ? -errno() : result
}

/** Any other call with up to six. */
export function call6(
  name: SyscallName,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
): number {
  if (interceptor !== undefined) {
    const result = interceptor(otherCall(name, [a, b, c, d, e, f]))
    if (result !== undefined) return result
  }
  return make6(name, a, b, c, d, e, f)
}

function make6(name: SyscallName, a: number, b: number, c: number, d: number, e: number, f: number): number {
  const { syscall6, errno } = native()
  numbers ??= numbersFor(process.arch)
  const result = syscall6(numbers[name], a, b, c, d, e, f)
  return result < 0 ? -errno() : result
}

/** A system call that is about to be made. */
export interface InterceptedCall {
  /** `'renameat2'`, `'bpf(BPF_OBJ_PIN)'`. */
  readonly name: string
  /** As they go into the kernel; for bpf(2) the command, the address of the attributes and their size. */
  readonly args: readonly number[]
  /** The path that the call names, where it names one; the new one of a rename. */
  readonly path: string | undefined
  /** Makes it, once: for those that are to know what came of it. */
  make(): number
}

/**
 * Returns a result to be taken instead of making the call (a negative errno fails it), or undefined to make it. What it
 * throws ends whatever was about to make the call.
 */
export type Interceptor = (call: InterceptedCall) => number | undefined

/**
 * For fault tests: sees every system call of this thread before it is made. `undefined` takes it away again. The
 * interceptor must make no call of its own through this room, whose arguments would overwrite those of the one it sees.
 */
export function interceptSyscalls(fn: Interceptor | undefined): void {
  interceptor = fn
}

const commandNames: string[] = []
for (const [name, number] of Object.entries(command)) commandNames[number] ??= name

/** `6` -> `'bpf(BPF_OBJ_PIN)'`: how errors name the call. */
export function bpfName(cmd: number): string {
  return `bpf(${commandNames[cmd] ?? cmd})`
}

function bpfCall(cmd: number, size: number): InterceptedCall {
  const hasPath = cmd === command.BPF_OBJ_PIN || cmd === command.BPF_OBJ_GET
  const pathname = u32[object.pathname >> 2]! + u32[(object.pathname >> 2) + 1]! * 0x1_0000_0000
  return {
    name: bpfName(cmd),
    args: [cmd, address(at.attr), size],
    path: hasPath ? textAt(pathname) : undefined,
    make: () => makeBpf(cmd, size),
  }
}

/** Which argument is the path. */
const pathArgument: Partial<Record<SyscallName, number>> = {
  statfs: 0,
  openat: 1,
  openat2: 1,
  mkdirat: 1,
  fchownat: 1,
  unlinkat: 1,
  readlinkat: 1,
  fchmodat: 1,
  statx: 1,
  renameat2: 3,
}

function otherCall(name: SyscallName, args: readonly number[]): InterceptedCall {
  const index = pathArgument[name]
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args
  return {
    name,
    args,
    path: index === undefined ? undefined : textAt(args[index]!),
    make: () => (args.length > 3 ? make6(name, a, b, c, d, e, f) : make3(name, a, b, c)),
  }
}

function textAt(pointer: number): string | undefined {
  const offset = offsetOf(pointer)
  return offset === undefined ? undefined : getText(offset, at.path2 - at.path)
}
