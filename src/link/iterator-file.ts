import { readSync } from 'node:fs'
import { BpfError } from '../errors.ts'
import { closeFd, iterCreate, systemError } from '../syscall/index.ts'

/** Bytes that are asked for at once: the kernel collects 8 pages (kernel/bpf/bpf_iter.c: bpf_seq_read). */
const chunkSize = 32_768

/** Runs an iterator from its start to its end, as far as it is asked for more, and gives what it writes. */
export function* readIterator(link: number, name: string): IterableIterator<Uint8Array> {
  const fd = iterCreate(link)
  if (fd < 0) {
    throw systemError(fd, 'bpf(BPF_ITER_CREATE)', {
      doing: `reading link '${name}'`,
      hint: 'only links of iterators can be read',
    })
  }
  try {
    for (let chunk = readChunk(fd, name); chunk.length > 0; chunk = readChunk(fd, name)) yield chunk
  } finally {
    closeFd(fd)
  }
}

function readChunk(fd: number, name: string): Uint8Array {
  const bytes = new Uint8Array(chunkSize)
  for (;;) {
    try {
      return bytes.subarray(0, readSync(fd, bytes))
    } catch (cause) {
      const { code = 'EIO', errno = 0 } = cause as NodeJS.ErrnoException // what node's fs throws
      // the kernel stops after a million objects of which nothing was written, and goes on when it is asked again
      if (code === 'EAGAIN') continue
      throw new BpfError(`reading link '${name}': its iterator stopped with ${code}`, {
        code,
        errno: Math.abs(errno),
        syscall: 'read',
        cause,
      })
    }
  }
}
