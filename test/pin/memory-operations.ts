// What is done with too little memory, each with maps of some megabytes.
import * as assert from 'uvu/assert'
import { type ObjectSpec, openObject } from '../../src/index.ts'
import { listObject, objectNames, Root, unpinObject } from '../../src/pin/index.ts'
import { fixture } from '../fixtures.ts'
import { loadEvents, request } from '../map/events.ts'

export interface LimitedOperation {
  /** Leads to where it begins, wherever it was stopped before. */
  prepare(): void
  /** What it gives may be closed when there is memory again. */
  run(): { close(): void }
  /** What must hold wherever it was stopped. */
  mustBeWhole(text: string): void
  /** Of maps: they need so much that the kernel refuses them long before the process itself has too little. */
  readonly isRefused: boolean
}

const entries = 100

type Version = 1 | 2

/** Three maps of a few megabytes each. */
function flows(root: string, version: Version): ObjectSpec {
  const spec = openObject(fixture(`upgrade-flows-${version}`), { root, name: 'flows' })
  for (const name of ['flows', 'calls', 'truth_of']) spec.maps.get(name).maxEntries = 20_000
  for (const program of spec.programs) program.autoattach = false
  return spec
}

const flow = (key: number) => ({ packets: BigInt(key), bytes: 2n * BigInt(key), state: 7 })

/** By name, each with its own directory. */
export function limitedOperations(root: string): Readonly<Record<string, LimitedOperation>> {
  return {
    load: { ...stateless, run: () => flows(root, 1).load(), isRefused: true },
    pin: pinning(root),
    'upgrade, convert': converting(root),
    'ring buffer': {
      ...stateless,
      run() {
        const object = loadEvents()
        try {
          const events = object.maps.get('events').events({ type: 'event' })
          request(object.programs.get('write_events'), 1, 3)
          let taken = 0
          events.take(() => taken++)
          assert.is(taken, 3)
          return object
        } catch (error) {
          object.close()
          throw error
        }
      },
      isRefused: false,
    },
    'types of the kernel': {
      ...stateless,
      run: () => openObject(fixture('core-kernel')).load(),
      isRefused: false,
    },
  }
}

const stateless: Pick<LimitedOperation, 'prepare' | 'mustBeWhole'> = { prepare() {}, mustBeWhole() {} }

function pinning(root: string): LimitedOperation {
  const spec = (): ObjectSpec => flows(root, 1)
  return {
    prepare: () => unpinAll(root),
    run: () => spec().upgrade(),
    mustBeWhole: text => mustBeListed(root, text),
    isRefused: true,
  }
}

/** From one version to the other and back, each time that it comes to its end. */
function converting(root: string): LimitedOperation {
  const now = (): Version | undefined => {
    using open = Root.find(root)
    const listed = open && listObject(open, 'flows')
    return listed && (listed.generation % 2 === 1 ? 1 : 2)
  }
  const mustHaveAll = (text: string): void => {
    const version = now()
    if (version === undefined) return
    using object = flows(root, version).loadPinned()
    const map = object.maps.get('flows')
    for (let key = 0; key < entries; key++)
      assert.equal(map.get(key), { ...flow(key), ...(version === 2 ? { drops: 0n } : {}) }, text)
  }
  return {
    prepare() {
      if (now() === undefined) {
        using object = flows(root, 1).upgrade()
        const map = object.maps.get('flows')
        for (let key = 0; key < entries; key++) map.set(key, flow(key))
      }
      mustHaveAll('before')
    },
    run: () => flows(root, now() === 1 ? 2 : 1).upgrade({ onMismatch: 'convert-lossy' }),
    mustBeWhole(text) {
      mustBeListed(root, text)
      mustHaveAll(text)
    },
    isRefused: true,
  }
}

function mustBeListed(root: string, text: string): void {
  using open = Root.find(root)
  assert.equal((open && listObject(open, 'flows'))?.problems ?? [], [], text)
}

export function unpinAll(root: string): void {
  using open = Root.find(root)
  for (const name of open ? objectNames(open) : []) if (open) unpinObject(open, name)
}
