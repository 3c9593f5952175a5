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
  return opened(path, openFlag.RDONLY, doing)
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
  if (objectKind(fd) === kind) return new Descriptor(fd)
  closeFd(fd)
  throw new BpfError(`${doing}: what is pinned at ${path} is no ${kind}`, { code: 'ERR_PIN_KIND', path })
}
