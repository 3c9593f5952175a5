import {
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

let directory: string | undefined

/** A directory in memory, where there is one, that is gone when the process ends. */
export function temporaryDirectory(): string {
  if (directory === undefined) {
    const made = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bpfpin-fuzz-'))
    process.on('exit', () => rmSync(made, { recursive: true, force: true }))
    directory = made
  }
  return directory
}

/** A thread that can be ended at any time leaves what it has made: so it uses what the main thread made. */
export function useDirectory(path: string): void {
  if (isMainThread) throw new Error('the main thread has its own')
  directory = path
}

/** A path for what can be read from a file only. */
export function temporaryFile(): string {
  return join(temporaryDirectory(), 'input')
}

/** The path of a file of these bytes, until there is the next one. */
export function temporaryFileOf(bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), 'case')
  // written over: a file that is made anew for each case takes longer than the case
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT)
  try {
    writeSync(file, bytes, 0, bytes.length, 0)
    ftruncateSync(file, bytes.length)
  } finally {
    closeSync(file)
  }
  return path
}
