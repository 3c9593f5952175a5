import { BpfError } from '../errors.ts'
import { closeFd, objectKind, objGet, openFile, openFlag, systemError } from '../syscall/index.ts'

/** A descriptor that is needed while attaching only, closed at the end of its block. */
export class Descriptor {
  readonly fd: number

  constructor(fd: number) {
    this.fd = fd
  }

  [Symbol.dispose](): void {
    closeFd(this.fd)
  }
}

export function openDirectory(path: string, doing: string): Descriptor {
  return opened(path, openFlag.RDONLY | openFlag.DIRECTORY, doing)
}

export function openForReading(path: string, doing: string): Descriptor {
  // opening a pipe would wait for its writer
  return opened(path, openFlag.RDONLY | openFlag.NONBLOCK, doing)
}

function opened(path: string, flags: number, doing: string): Descriptor {
  const fd = openFile(path, flags)
  if (fd < 0) throw systemError(fd, 'openat', { doing, path })
  return new Descriptor(fd)
}

/** @throws BpfError `ERR_PIN_KIND` where something else is pinned. */
export function openPinOf(kind: 'map' | 'program' | 'link', path: string, doing: string): Descriptor {
  const fd = objGet(path)
  if (fd < 0) throw systemError(fd, 'bpf(BPF_OBJ_GET)', { doing, path })
  const found = objectKind(fd)
  if (found === kind) return new Descriptor(fd)
  closeFd(fd)
  const what = typeof found === 'string' ? `a ${found}` : 'something else'
  throw new BpfError(`${doing}: what is pinned at ${path} is ${what}, not a ${kind}`, {
    code: 'ERR_PIN_KIND',
    path,
    hint: `give the path or the id of a ${kind}`,
  })
}
