// What must be there of an object's state, whatever process was stopped while it changed the object.
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { type BpfObject, type ObjectSpec, openPinned, type UpgradeOptions } from '../../src/index.ts'
import { listObject, Root } from '../../src/pin/index.ts'
import { cgroupOf, makeCgroups, removeCgroups, state } from './state.ts'
import { treeOf, type Version } from './steady.ts'

export const root: string = process.env.BPFPIN_TEST_ROOT ?? ''
const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''
const entries = 20

export class Counted {
  /** Events since the state was filled, as they were made. */
  #made = 0
  readonly #file: number
  readonly #trees = new Map<Version, string[]>()

  /** Events are made by this process, in a cgroup of its own. */
  constructor() {
    makeCgroups(process.pid)
    writeFileSync(`${cgroupOf(process.pid)}/cgroup.procs`, String(process.pid))
    this.#file = openSync('/proc/sys/kernel/ostype', 'r')
    for (const version of [1, 2] as const) {
      using object = this.spec(version).upgrade()
      this.#trees.set(version, treeOf(root))
      object.unpin()
      assert.equal(treeOf(root), [])
    }
  }

  close(): void {
    writeFileSync(`${cgroups}/cgroup.procs`, String(process.pid))
    closeSync(this.#file)
    removeCgroups(process.pid)
  }

  spec(version: Version): ObjectSpec {
    return state(root, version, process.pid)
  }

  upgrade(version: Version, options: UpgradeOptions = {}): BpfObject {
    return this.spec(version).upgrade({ onMismatch: 'convert-lossy', ...options })
  }

  /** A new object, with entries that are to last. */
  install(version: Version): void {
    using object = this.spec(version).upgrade()
    const flows = object.maps.get('flows')
    for (let key = 0; key < entries; key++) {
      flows.set(key, { packets: BigInt(key), bytes: 0x1_0000_0000n + BigInt(key), state: 100 + key })
    }
    flows.set(7, { packets: 0n, bytes: 0n, state: 107 })
    object.maps.get('by_name').set(3, 33n)
    object.variables.get('kept_in_bss').set(0x1122_3344_5566n)
    object.variables.get('settled').set(9)
    this.#made = 0
  }

  /** Each is one run of the program (kernel/bpf/cgroup.c: __cgroup_bpf_run_filter_sysctl). */
  makeEvents(count: number): void {
    for (let i = 0; i < count; i++) readSync(this.#file, Buffer.alloc(16), 0, 16, 0)
    this.#made += count
  }

  /** One whole generation, each link with a program of one of the two. */
  mustBeListed(text: string): void {
    using open = Root.find(root)
    const listed = open && listObject(open, 'state')
    assert.equal(listed?.problems, [], text)
  }

  /** The same, and no event was counted twice, or not at all. */
  mustBeWhole(text: string): void {
    this.mustBeListed(text)
    using reader = openPinned('state', { root })
    const total = reader.maps.get('total').get(0)
    assert.is(total, BigInt(this.#made), text)
  }

  /** All that was there and all that was counted is there, and from now on one version counts. */
  mustBeIntact(version: Version, text: string): void {
    this.makeEvents(3)
    using object = this.spec(version).loadPinned()
    const flows = object.maps.get('flows')
    const added = version === 1 ? {} : { added: 0 }
    for (let key = 0; key < entries; key++) {
      const [packets, bytes] = [BigInt(key), 0x1_0000_0000n + BigInt(key)]
      const made = BigInt(this.#made)
      const expected = key === 7 ? { packets: made, bytes: 3n * made } : { packets, bytes }
      assert.equal(flows.get(key), { ...expected, state: 100 + key, ...added }, `${text}: entry ${key}`)
    }
    assert.is(object.maps.get('by_name').get(3), 33n, text)
    assert.is(object.maps.get('total').get(0), BigInt(this.#made), text)
    assert.is(object.variables.get('kept_in_bss').get(), 0x1122_3344_5566n, text)
    assert.is(object.variables.get('settled').get(), 9, text)
    this.#mustRun(object, text)
  }

  /** It is there, and its links run its programs. */
  mustRun(version: Version, text: string): void {
    using object = this.spec(version).loadPinned()
    this.#mustRun(object, text)
  }

  #mustRun({ links, programs }: BpfObject, text: string): void {
    for (const link of links) assert.ok(link.alive, `${text}: ${link.name}`)
    for (const link of links) {
      assert.is(link.info().progId, programs.get(link.program).id, `${text}: ${link.name}`)
    }
  }

  /** Nothing of the other version, and nothing half made. */
  mustBeAlone(version: Version, text: string): void {
    assert.equal(treeOf(root), this.#trees.get(version), text)
  }
}
