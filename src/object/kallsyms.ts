import { closeSync, openSync, readSync } from 'node:fs'
import { systemError } from '../syscall/index.ts'

const path = '/proc/kallsyms'

/** seq_file gives out a page at a time, whatever it is asked for (fs/seq_file.c). */
const chunkSize = 1 << 16

/**
 * The addresses of symbols of the kernel and its modules: of each name every place that has it, once. All are 0 where
 * addresses are hidden (kernel.kptr_restrict, no CAP_SYSLOG).
 *
 * @throws BpfError with the errno where the list cannot be read.
 */
export function symbolAddresses(names: ReadonlySet<string>): Map<string, bigint[]> {
  const found = new Map<string, bigint[]>()
  forEachLine(line => {
    const name = wantedName(line, names)
    if (name === undefined) return
    const address = BigInt(`0x${line.slice(0, line.indexOf(' '))}`)
    const others = found.get(name)
    if (!others) found.set(name, [address])
    else if (!others.includes(address)) others.push(address)
  })
  return found
}

/**
 * A line is `ffffffff81000000 d name`, behind which a tab and the name of a module may follow. clang's link-time optimisation
 * adds `.llvm.` and a number to data that is static.
 */
function wantedName(line: string, names: ReadonlySet<string>): string | undefined {
  const type = line.indexOf(' ') + 1
  const tab = line.indexOf('\t', type)
  const name = line.slice(type + 2, tab < 0 ? line.length : tab)
  const suffix = line[type] === 'd' ? name.indexOf('.llvm.') : -1
  const wanted = suffix < 0 ? name : name.slice(0, suffix)
  return names.has(wanted) ? wanted : undefined
}

/** Some hundred thousand lines, of which no more is kept than a piece. */
function forEachLine(use: (line: string) => void): void {
  const fd = open()
  const chunk = Buffer.allocUnsafe(chunkSize)
  let rest = ''
  try {
    for (;;) {
      const length = readSync(fd, chunk, 0, chunkSize, null)
      if (length === 0) break
      const text = rest + chunk.toString('latin1', 0, length)
      let start = 0
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
        use(text.slice(start, end))
        start = end + 1
      }
      rest = text.slice(start)
    }
  } catch (cause) {
    throw readError('read', cause)
  } finally {
    closeSync(fd)
  }
}

function open(): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw readError('open', cause)
  }
}

function readError(syscall: string, cause: unknown): Error {
  const { errno } = cause as NodeJS.ErrnoException // what Node's fs throws has it
  if (errno === undefined) return cause as Error
  return systemError(errno, syscall, {
    doing: 'looking for the addresses of kernel symbols',
    path,
    hint: 'the kernel needs CONFIG_KALLSYMS, and /proc mounted',
    cause,
  })
}
