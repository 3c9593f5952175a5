// The kill matrix kills nothing: dying.ts says what it does instead. Here processes are killed that do the same, and what
// either leaves is compared: what is pinned, which ids are the same, and which program each link runs. BPFPIN_LONG=1: each step.
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Root, unpinObject } from '../../src/pin/index.ts'
import { bundled } from '../bundled.ts'
import { needs } from '../requirements.ts'
import { dies, type Mortal } from './dying.ts'
import { namesBelow, shapeBelow } from './kernel-state.ts'
import { removeCgroup, scattered } from './scattered.ts'
import { Counted, root } from './state-killing.ts'

const onKernel = needs(test, 'root')
const pinning = await bundled(new URL('./killed.ts', import.meta.url))
const upgrading = await bundled(new URL('./state-killed.ts', import.meta.url))

const isLong = process.env.BPFPIN_LONG === '1'
const everyStep = Array.from({ length: 70 }, (_, i) => i + 1)

/** Runs a process that is killed; `false` if it came to its end. */
function isKilled(args: readonly (string | number)[]): boolean {
  const child = spawnSync(process.execPath, args.map(String), { stdio: ['ignore', 'inherit', 'inherit'] })
  if (child.signal !== 'SIGKILL') assert.is(child.status, 0)
  return child.signal === 'SIGKILL'
}

function unpin(name: string): void {
  using open = Root.find(root)
  if (open) unpinObject(open, name)
  assert.equal(namesBelow(root), [])
}

interface Compared {
  readonly steps: readonly number[]
  readonly name: string
  prepare(): void
  /** Of the process: all but the step. */
  readonly args: readonly (string | number)[]
  run(mortal: Mortal): void
}

/** How many steps were compared that were there. */
function compare({ steps, name, prepare, args, run }: Compared): number {
  let compared = 0
  for (const step of steps) {
    prepare()
    const wasKilled = isKilled([...args, step])
    const real = shapeBelow(root)
    unpin(name)
    prepare()
    assert.is(dies({ after: 'step', n: step }, run), wasKilled, `step ${step}`)
    assert.equal(shapeBelow(root), real, `step ${step}`)
    unpin(name)
    if (!wasKilled) break
    compared++
  }
  return compared
}

onKernel('a process that is killed while it pins or unpins leaves what the matrix looks at', () => {
  const pinned = compare({
    name: 'links',
    steps: isLong ? everyStep : [4, 12, 19],
    prepare() {},
    args: [...pinning, 'pin', root],
    run({ begin, keep }) {
      begin()
      keep(scattered(root).upgrade())
    },
  })
  const unpinned = compare({
    name: 'links',
    steps: isLong ? everyStep : [1, 4, 12],
    prepare() {},
    args: [...pinning, 'unpin', root],
    run({ begin, keep }) {
      const object = keep(scattered(root).upgrade())
      begin()
      object.unpin()
    },
  })
  assert.ok(pinned >= 3 && unpinned >= 3)
  removeCgroup()
})

onKernel('a process that is killed while it upgrades leaves what the matrix looks at', () => {
  const counted = new Counted()
  const compared = compare({
    name: 'state',
    // before the commit, at it, and after it
    steps: isLong ? everyStep : [6, 17, 24, 25, 33, 47],
    prepare() {
      counted.install(1)
      counted.makeEvents(5)
    },
    args: [...upgrading, root, 2, process.pid],
    run({ begin, keep }) {
      begin()
      keep(counted.upgrade(2))
    },
  })
  counted.close()
  assert.ok(compared >= 6)
})

test.run()
