// Us, as a process of its own, as the peers are: one measurement a line, `OPERATION N FILE ROOT`, answered with nanoseconds
// and with what was found.
import { createInterface } from 'node:readline'
import { access } from './ours/access.ts'
import { bareLoop } from './ours/bare-loop.ts'
import { convert } from './ours/convert.ts'
import { coreLoad } from './ours/core-load.ts'
import { hotPath } from './ours/hot-path.ts'
import type { Operation } from './ours/operation.ts'
import { ring } from './ours/ring.ts'
import { upgrade } from './ours/upgrade.ts'
import { vmlinux } from './ours/vmlinux.ts'

const operations: Readonly<Record<string, Operation>> = {
  ready: () => [0n],
  ...hotPath,
  ...bareLoop,
  ...coreLoad,
  ...vmlinux,
  ...upgrade,
  ...convert,
  ...access,
  ...ring,
}

for await (const line of createInterface({ input: process.stdin })) {
  const [operation = '', n, file = '', root = ''] = line.split(' ')
  try {
    const [taken, found = ''] = await operations[operation]!({ n: Number(n), file, root })
    console.log(`${taken} ${found}`.trim())
  } catch (error) {
    console.log(`error: ${operation}: ${error instanceof Error ? error.message : error}`)
  }
}
