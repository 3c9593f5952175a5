// Families of links from attaching to unpinning: attached and pinned by a process that ended, at work without it, found by
// their pins, gone after unpinning.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfMap, openMap, type Target } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { commandPath, isAtLeast, needs } from '../requirements.ts'
import { type Job, type Report, specOf } from './job.ts'
import { Network } from './network.ts'

export interface Life {
  readonly object: string
  readonly program: string
  /** A variable, u64. */
  readonly counter: string
  /** The first kernel that has the family. */
  readonly since?: string
  readonly target?: Target
  /** Does it attach where the process is? */
  readonly inNetwork?: boolean
  /** A map of the object that `fire` needs. */
  readonly map?: string
  /** Makes ten events or more. */
  readonly fire: (place: Place) => unknown
  /** What bpftool says of the link, besides its program; it is older than some families, and gives their number. */
  readonly shown: Record<string, unknown>
}

/** Where events are made. */
export interface Place {
  readonly network: Network
  readonly map: BpfMap | undefined
}

export const root: string = process.env.BPFPIN_TEST_ROOT ?? ''
const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''
/** A cgroup with nobody in it. */
export const cgroup: string = `${cgroups}/bpfpin-life-${process.pid}`
const attacher = new URL('./attacher.ts', import.meta.url).pathname

/** Does something as a process of that cgroup. */
export async function inCgroup(fire: () => Promise<void>): Promise<void> {
  writeFileSync(`${cgroup}/cgroup.procs`, String(process.pid))
  await fire()
  writeFileSync(`${cgroups}/cgroup.procs`, String(process.pid))
}

/** Registers one test a family; all are attached before the first. What `prepare` makes, what it returns takes back. */
export function testLives(
  lives: Readonly<Record<string, Life>>,
  prepare: (network: Network) => () => void = () => () => {},
): void {
  let network: Network
  let report: Report
  let takeBack = (): void => {}
  // where one of these is missing every test says so, and nothing is to be prepared
  const tools = ['ip', 'nsenter', 'bpftool']
  const canRun = tools.every(tool => commandPath(tool) !== undefined)
  test.before(async () => {
    if (!canRun) return
    mkdirSync(cgroup)
    network = await Network.make()
    takeBack = prepare(network)
    report = attachAll(lives, network)
  })
  test.after(async () => {
    if (!canRun) return
    if (!network) return
    takeBack()
    await network.close()
    rmdirSync(cgroup)
  })
  for (const [family, life] of Object.entries(lives)) {
    const requirements = ['root', ...tools, ...(life.since ? [`linux ${life.since}`] : [])]
    needs(test, ...requirements)(
      `${family}: attached by a process that ended, works, is found by its pin, is gone after unpin`,
      () => live(family, life, report[family], network),
    )
  }
}

function jobOf(name: string, { object, program, target }: Life): Job {
  return { name, path: fixture(object), program, target, pid: process.pid }
}

function attachAll(lives: Readonly<Record<string, Life>>, network: Network): Report {
  const here = Object.entries(lives).filter(
    ([, { since }]) => !since || isAtLeast(release(), `linux ${since}`),
  )
  const jobs = (inNetwork: boolean): string => {
    const some = here.filter(([, life]) => (life.inNetwork ?? false) === inNetwork)
    return JSON.stringify(some.map(([name, life]) => jobOf(name, life)))
  }
  const [node, ...args] = [process.execPath, ...process.execArgv, attacher, root]
  return {
    ...JSON.parse(network.run(node!, ...args, jobs(true))),
    ...JSON.parse(execFileSync(node!, [...args, jobs(false)], { encoding: 'utf8' })),
  }
}

async function live(
  family: string,
  life: Life,
  id: number | string | undefined,
  network: Network,
): Promise<void> {
  assert.type(id, 'number', `${id}`)
  const { program, counter, map: mapName, fire, shown } = life
  const spec = specOf(jobOf(family, life), root)
  // nobody holds anything of it now, but its map
  using map = mapName === undefined ? undefined : openMap(`${spec.pinPath}/maps/${mapName}`)
  await fire({ network, map })
  using object = spec.upgrade()
  const count = (): bigint => object.variables.get(counter).get() as bigint // they are u64
  assert.ok(count() >= 10n, `${count()} events`)

  const link = object.links.get(program)
  assert.is(link.id, id)
  assert.ok(link.alive)
  const seen = JSON.parse(
    execFileSync('bpftool', ['--json', 'link', 'show', 'id', String(id)], { encoding: 'utf8' }),
  )
  assert.is(seen.prog_id, object.programs.get(program).id)
  for (const [key, value] of Object.entries(shown)) assert.is(seen[key], value, key)

  object.unpin()
  await eventually(async () => {
    const before = count()
    await fire({ network, map })
    return count() === before
  })
}

/** Detaching goes on in the kernel after the last pin is gone. */
async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    if (await isSo()) return
    await setTimeout(20)
  }
  assert.unreachable('it goes on')
}
