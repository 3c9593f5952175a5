import { BpfError } from '../errors.ts'
import { loadKoffi } from './koffi.ts'

/** What this project takes from koffi. */
export interface Native {
  /** syscall(2) with up to three arguments; -1 on failure. 26 ns cheaper than the long form. */
  readonly syscall3: (nr: number, a: number, b: number, c: number) => number
  readonly syscall6: (nr: number, a: number, b: number, c: number, d: number, e: number, f: number) => number
  /** errno of this thread. Valid only on the line after a call that returned -1: node's own calls change it too. */
  readonly errno: () => number
  /** Address of the first byte; 0 for an empty array. Never moves, but holds nothing alive. */
  readonly address: (memory: ArrayBufferView | ArrayBuffer) => number
  /** Memory that is not ours, as an ArrayBuffer that cannot be detached: touching it after munmap kills the process. */
  readonly view: (address: number, length: number) => ArrayBuffer
  /**
   * Calls back from the event loop while a descriptor is readable. A bad descriptor, or one that is polled already, ends
   * the process, and so does a handle that is used after its close: only poll.ts calls this.
   */
  readonly poll: (fd: number, onReadable: () => void) => NativePoll
}

/** Kept alive by whoever polls: what is collected stops without a word. */
export interface NativePoll {
  start(onReadable: () => void): void
  stop(): void
  ref(): void
  unref(): void
  close(): void
}

let loaded: Native | undefined

/**
 * The native part, loaded by the first system call.
 *
 * @throws BpfError `ERR_NATIVE` where it cannot be loaded or the system is not Linux.
 */
export function native(): Native {
  loaded ??= load()
  return loaded
}

/** The native part where something has loaded it: for what is faster by it, but not by as much as loading takes. */
export function loadedNative(): Native | undefined {
  return loaded
}

function load(): Native {
  if (process.platform !== 'linux') {
    throw new BpfError(`BPF is a part of Linux, and this is ${process.platform}`, { code: 'ERR_NATIVE' })
  }
  try {
    const koffi = loadKoffi()
    const libc = koffi.load(null)
    return {
      syscall3: libc.func('long syscall(long nr, uintptr_t a, uintptr_t b, uintptr_t c)'),
      syscall6: libc.func(
        'long syscall(long nr, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, uintptr_t f)',
      ),
      errno: koffi.errno,
      address: memory => Number(koffi.address(memory)),
      view: (address, length) => koffi.view(BigInt(address), length),
      poll: (fd, onReadable) => koffi.node.poll(fd, { readable: true }, onReadable),
    }
  } catch (cause) {
    // one that is carried in a bundle says itself what is wrong
    if (cause instanceof BpfError) throw cause
    throw new BpfError(`cannot load koffi, which makes the system calls (${process.arch})`, {
      code: 'ERR_NATIVE',
      hint: 'install with optional dependencies: npm install --include=optional koffi',
      cause,
    })
  }
}
