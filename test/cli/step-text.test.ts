import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { stepTexts } from '../../src/cli/step-text.ts'
import { buildSteps, finishSteps } from '../../src/plan/upgrade-steps.ts'

const map = { kind: 'map', name: 'flows', file: 'flows', id: 1 } as const
const kept = { kind: 'map', name: 'stats', file: 'stats', id: 2 } as const
const program = { kind: 'program', name: 'on_xdp', file: 'on_xdp', id: 3 } as const
const link = { kind: 'link', name: 'on_xdp', file: 'on_xdp', id: 4 } as const

test('the steps of an upgrade are told in a few sentences, in their order', () => {
  const directory = 'tool'
  const pins = [{ ...map, id: 5 }, kept, { ...program, id: 6 }]
  const old = [map, kept, program, link]
  const steps = [
    ...buildSteps({
      directory,
      pins,
      old,
      links: [{ ...link, action: 'update' }],
      outside: [],
      copies: ['flows'],
    }),
    ...finishSteps({
      directory,
      old: { pins: old },
      new: {
        pins: [...pins, link],
        links: [{ name: 'on_xdp', program: 'on_xdp', type: 'xdp' }],
        conversions: [{ map: 'flows', merge: {} }],
      },
    }),
  ]
  assert.equal(stepTexts(steps), [
    'pin maps flows, stats; program on_xdp',
    'copy the entries of map flows, while the old programs go on',
    'pin link on_xdp',
    'write down what belongs together, as tool~next/~object',
    'exchange tool~next and tool, at once: from here on the new one is pinned',
    'switch link on_xdp to the new programs',
    'wait until no old program runs any more',
    'carry over what changed meanwhile in map flows',
    'remove the copy of map flows',
    'remove the old pins of link on_xdp; program on_xdp; maps flows, stats',
  ])
})

test('a directory is told where it lies outside of the object', () => {
  assert.equal(
    stepTexts([
      { do: 'make-directory', path: '/sys/fs/bpf/shared' },
      { do: 'make-directory', path: 'tool~next/maps' },
      { do: 'remove-directory', path: '/sys/fs/bpf/shared' },
    ]),
    ['make /sys/fs/bpf/shared', 'remove /sys/fs/bpf/shared, if nothing else is there'],
  )
})

test.run()
