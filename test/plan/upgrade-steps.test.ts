import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { PinRecord } from '../../src/plan/manifest.ts'
import { finishSteps, type Succeeded } from '../../src/plan/upgrade-steps.ts'

/** A generation of maps inside and outside of its directory; `look` is told of each look at the file of one. */
function mapsOf(count: number, firstId: number, look: () => void): PinRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    ...{ kind: 'map', name: `m${i}`, id: firstId + i },
    get file() {
      look()
      return i % 2 === 0 ? this.name : `/bpf/${this.name}`
    },
  }))
}

function finishing(count: number, previous?: 'keep'): { readonly looks: number; readonly steps: number } {
  let looks = 0
  const look = (): void => void looks++
  const succeeded: Succeeded = {
    directory: 'object',
    old: { pins: mapsOf(count, 1, look) },
    new: { pins: mapsOf(count, 1 + count, look), links: [], ...(previous ? { previous } : {}) },
  }
  return { steps: finishSteps(succeeded).length, looks }
}

test('what finishes an upgrade is worked out by as many looks at each pin, however many there are', () => {
  for (const previous of [undefined, 'keep'] as const) {
    const [few, many] = [finishing(10, previous), finishing(1000, previous)]
    assert.ok(many.steps > 50 * few.steps, `${few.steps} steps, and ${many.steps}`)
    assert.ok(
      many.looks <= 100 * few.looks,
      `${few.looks} looks at the files of 10 pins, ${many.looks} of 1000`,
    )
  }
})

test('an old pin outside is removed from where the new one that took its path has put it', () => {
  const pin = (name: string, file: string, id: number): PinRecord => ({ kind: 'map', name, file, id })
  const steps = finishSteps({
    directory: 'object',
    old: { pins: [pin('moved', '/bpf/moved', 1), pin('gone', '/bpf/gone', 2), pin('inside', 'inside', 3)] },
    new: { pins: [pin('moved', '/bpf/moved', 4), pin('inside', 'inside', 5)], links: [] },
  })
  const removed = steps.flatMap(step =>
    step.do === 'unpin' && step.kind === 'map' ? [`${step.directory}/${step.file}`] : [],
  )
  assert.equal(removed, ['/bpf/moved~next', '/bpf/gone', 'object~next/maps/inside'])
})

test.run()
