// Operations in memory cgroups with limits from none to enough. What the kernel does where there is no more depends on what was to
// be had: a map is refused (kernel/bpf/syscall.c: __bpf_map_area_alloc asks by __GFP_RETRY_MAYFAIL, for which mm/memcontrol.c:
// try_charge_memcg kills nobody), and the program gets ENOMEM. For a page of the process itself, or one that the kernel needs
// for its own tables, it ends a process of the cgroup, of which there is one. BPFPIN_LONG=1: closer limits.
import { spawnSync } from 'node:child_process'
import { existsSync, rmdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bundled } from '../bundled.ts'
import { isEmulated } from '../effort.ts'
import { needs } from '../requirements.ts'
import { namesBelow } from './kernel-state.ts'
import { memoryCgroupOf, memoryCgroups } from './memory-cgroup.ts'
import type { Limited } from './memory-limited.ts'
import { type LimitedOperation, limitedOperations, unpinAll } from './memory-operations.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const factor = process.env.BPFPIN_LONG === '1' ? 1.05 : isEmulated ? 8 : 2
const leastBytes = 65_536
const script = await bundled(new URL('./memory-limited.ts', import.meta.url))

/** One process: what it said, and whether the kernel ended it. */
function limitedBy(name: string, bytes: number): { readonly said: Limited[]; readonly wasKilled: boolean } {
  const child = spawnSync(
    process.execPath,
    ['--expose-gc', ...script, name, root, String(bytes), String(factor)],
    {
      encoding: 'utf8',
    },
  )
  const wasKilled = child.signal === 'SIGKILL'
  if (!wasKilled) assert.is(child.status, 0, `${name}: ${child.signal} ${child.stderr}`)
  const place = memoryCgroupOf(child.pid)
  if (existsSync(place)) rmdirSync(place)
  // a line each
  return {
    said: child.stdout
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as Limited),
    wasKilled,
  }
}

/** The numbers of its row. */
function squeeze(name: string, operation: LimitedOperation): number[] {
  const sum = { refused: 0, killed: 0, done: 0 }
  for (let bytes = leastBytes; ; ) {
    const { said, wasKilled } = limitedBy(name, bytes)
    for (const outcome of said) if (outcome.changed) judge(name, outcome, sum)
    if (!wasKilled) break
    const last = said.at(-1)
    const text = `${name}, ended with ${last?.bytes} bytes`
    assert.ok(last && !last.changed, text)
    sum.killed++
    operation.mustBeWhole(text)
    // the next call
    operation.prepare()
    operation.run().close()
    assert.not(
      namesBelow(root).some(name => /~(next|draft|switch)/.test(name)),
      `${text}: ${namesBelow(root)}`,
    )
    bytes = Math.ceil(last.bytes * factor)
  }
  assert.ok(!operation.isRefused || sum.refused > 0, `${name}: nothing was refused`)
  return [sum.done, sum.refused, sum.killed]
}

function judge(
  name: string,
  { bytes, error, changed }: Limited,
  sum: Record<'refused' | 'done', number>,
): void {
  const text = `${name} with ${bytes} bytes: ${JSON.stringify(error)}`
  if (!error) {
    sum.done++
    return
  }
  sum.refused++
  // bpffs says ENOSPC where it has no memory for an inode (kernel/bpf/inode.c: bpf_get_inode)
  assert.match(error.name, /^BpfError$/, text)
  assert.match(error.code, /^(ENOMEM|ENOSPC)$/, text)
  assert.match(error.hint ?? '', /memory/, text)
  assert.equal(changed, [], text)
}

needs(
  test,
  'root',
  memoryCgroups,
)('with too little memory, however much there is, all is as before, or the next call finishes', () => {
  const rows = Object.entries(limitedOperations(root)).map(([name, operation]) => {
    const cells = squeeze(name, operation)
    unpinAll(root)
    return [name, ...cells]
  })
  console.log(['| little memory | done | ENOMEM | ended by the kernel |', '|---|---|---|---|'].join('\n'))
  for (const cells of rows) console.log(`| ${cells.join(' | ')} |`)
  assert.equal(namesBelow(root), [])
})

test.run()
