// What is done with one map, or read from a ring buffer. Nothing is pinned.
import type { BpfMap } from '../../src/index.ts'
import { openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { loadEvents, request } from '../map/events.ts'
import type { Operation } from './operation.ts'

const unpinned: Omit<Operation, 'name' | 'run'> = {
  forward: 'never',
  prepare() {},
  mustBeWhole() {},
  finish() {},
  end() {},
}

function flowsOf(object: { maps: Iterable<BpfMap> }): BpfMap {
  for (const map of object.maps) if (map.name === 'flows') return map
  throw new Error('the fixture has no flows')
}

const flow = (packets: number) => ({ packets: BigInt(packets), bytes: 0n, state: 1 })

/** What is said of a map whose entries were written before: all of them, or an error. */
function onFlows(name: string, use: (flows: BpfMap) => unknown): Operation {
  return {
    ...unpinned,
    name,
    run({ begin, keep }) {
      const flows = flowsOf(keep(openObject(fixture('upgrade-state-1')).load()))
      for (let key = 0; key < 5; key++) flows.set(key, flow(key))
      begin()
      const answer = use(flows)
      return JSON.stringify(answer, (_, value) => (typeof value === 'bigint' ? String(value) : value))
    },
  }
}

export const maps: readonly Operation[] = [
  onFlows('map: one entry', flows => {
    flows.set(7, flow(7))
    const found = [flows.get(7), flows.has(7), flows.get(8), flows.delete(7), flows.delete(7)]
    return [...found, flows.take(3)]
  }),
  onFlows('map: all entries', flows => [
    [...flows].map(String).sort(),
    [...flows.keys()].map(String).sort(),
    flows.setAll([[9, flow(9)]]),
    flows.deleteAll([9, 1]),
    flows.takeAll().map(String).sort(),
  ]),
  {
    ...unpinned,
    name: 'variables',
    run({ begin, keep }) {
      const object = keep(openObject(fixture('upgrade-state-1')).load())
      begin()
      object.variables.get('kept_in_bss').set(5n)
      return String(object.variables.get('kept_in_bss').get())
    },
  },
  {
    ...unpinned,
    name: 'ring buffer',
    run({ begin, keep }) {
      const object = keep(loadEvents())
      begin()
      const events = keep(object.maps.get('events').events<{ readonly number: bigint }>({ type: 'event' }))
      request(object.programs.get('write_events'), 1, 3)
      const numbers: string[] = []
      events.take(({ number }) => numbers.push(String(number)))
      return numbers.join()
    },
  },
]
