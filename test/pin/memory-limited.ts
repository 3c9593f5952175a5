// A process that does one operation again and again, each time with more memory: `memory-limited.ts OPERATION ROOT BYTES FACTOR`.
// Before each it writes how many bytes it may take, and after it what came of it, as a line of JSON. It ends when it has had
// enough three times in a row, or is ended by the kernel. See memory-limits.kernel.test.ts.
import { writeSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BpfError } from '../../src/index.ts'
import { openFiles, pinnedBelow } from './kernel-state.ts'
import { MemoryCgroup } from './memory-cgroup.ts'
import { limitedOperations } from './memory-operations.ts'

/** What came of an operation. */
export interface Limited {
  readonly bytes: number
  readonly error?: Pick<BpfError, 'name' | 'code' | 'message' | 'hint'>
  /** What is open or pinned that was not, or is not what was, where there was an error. */
  readonly changed?: readonly string[]
}

const [name = '', root = '', first = '', factor = ''] = process.argv.slice(2)

function say(line: Limited): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

/** Types of the kernel that are kept as long as nobody needs the memory are to be read again each time. */
async function forget(): Promise<void> {
  await nextTurn()
  ;(globalThis as { gc?: () => void }).gc?.()
}

const state = (): string[] => [...openFiles(), ...pinnedBelow(root)]

async function main(): Promise<void> {
  const operation = limitedOperations(root)[name]
  if (!operation) throw new Error(`no operation ${name}`)
  // code that was never run takes memory, too
  operation.prepare()
  operation.run().close()
  for (let bytes = Number(first), enough = 0; enough < 3; bytes = Math.ceil(bytes * Number(factor))) {
    operation.prepare()
    await forget()
    const before = state()
    say({ bytes })
    const limit = new MemoryCgroup(bytes)
    try {
      const made = operation.run()
      limit.leave()
      made.close()
      enough++
      say({ bytes, changed: [] })
    } catch (caught) {
      limit.leave()
      enough = 0
      const { name, code, message, hint } = caught as BpfError // looked at by who reads it
      const after = state()
      const changed = [
        ...after.filter(one => !before.includes(one)),
        ...before.filter(one => !after.includes(one)),
      ]
      say({ bytes, error: { name, code, message, ...(hint ? { hint } : {}) }, changed })
    }
  }
}

await main()
