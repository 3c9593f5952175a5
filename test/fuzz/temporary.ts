import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let directory: string | undefined

/** A path for what can be read from a file only; what is written there is gone when the process ends. */
export function temporaryFile(): string {
  if (directory === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'bpfpin-fuzz-'))
    process.on('exit', () => rmSync(made, { recursive: true, force: true }))
    directory = made
  }
  return join(directory, 'input')
}
