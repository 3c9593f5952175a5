import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { generateSkeleton } from '../../src/codegen/index.ts'
import {
  type BpfObject,
  type ObjectSpec,
  type OpenOptions,
  openObject,
  type PinnedLikeOptions,
  type PinnedObject,
  pinnedLikeEmbedded,
  specFromEmbedded,
} from '../../src/index.ts'
import { makeCalls } from '../calls.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { pairObject } from '../plan/pairs.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

/** What the skeleton of a fixture exports; its types are those of any object here. */
interface Module {
  openCounter(options?: OpenOptions): ObjectSpec
  openPinnedCounter(options?: PinnedLikeOptions): PinnedObject
}

/** The JavaScript of a skeleton, as a program would import it. */
async function importSkeleton(name: string, brotli?: typeof brotliCompressSync): Promise<Module> {
  const bytes = readFileSync(fixture(name))
  const { spec } = openObject(bytes, { name: 'counter' })
  const { js } = generateSkeleton(spec, { source: `${name}.bpf.o`, bytes, ...(brotli ? { brotli } : {}) })
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-skeleton-'))
  try {
    const path = join(directory, 'counter.mjs')
    const library = new URL('../../src/index.ts', import.meta.url).href
    writeFileSync(path, js.replace("from 'bpfpin'", `from '${library}'`))
    return await import(pathToFileURL(path).href)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function upgraded(spec: ObjectSpec): BpfObject {
  spec.variables.get('only_pid').set(process.pid)
  return spec.upgrade({ onMismatch: 'convert' })
}

onKernel('the module opens what is in it, pins it, and finds it again by its types', async () => {
  const { openCounter, openPinnedCounter } = await importSkeleton('counter')
  using object = upgraded(openCounter({ root }))
  assert.is(object.name, 'counter')
  makeCalls(10)
  using pinned = openPinnedCounter({ root })
  assert.is(pinned.maps.get('totals').id, object.maps.get('totals').id)
  assert.ok((pinned.variables.get('entered').get() as bigint) >= 10n)
  assert.is(Reflect.get(pinned.maps, 'by_process'), pinned.maps.get('by_process'))
  assert.is(Reflect.get(object.links, 'on_enter').id, object.links.get('on_enter').id)
  object.unpin()
})

onKernel('what is compressed in it is the same object', async () => {
  // so large that it is worth it
  const { openCounter } = await importSkeleton('counter', bytes => brotliCompressSync(bytes))
  const bytes = readFileSync(fixture('maps-1024'))
  const { spec } = openObject(bytes, { name: 'many' })
  const { js } = generateSkeleton(spec, { source: 'many.bpf.o', bytes, brotli: brotliCompressSync })
  assert.match(js, "encoding: 'brotli'")
  assert.ok(js.length < bytes.length / 2, `${js.length} characters`)
  assert.is(openCounter({ root }).maps.size, openObject(fixture('counter')).maps.size)
})

onKernel('a version whose values lie otherwise is refused, with the field', async () => {
  const { openPinnedCounter } = await importSkeleton('counter')
  using object = upgraded(openObject(fixture('counter-wider'), { name: 'counter', root }))
  const error = failure(() => openPinnedCounter({ root }))
  assert.is(error.code, 'ERR_PIN_MISMATCH')
  assert.match(error.message, /map 'by_process': value size 40 is pinned, the object asks for 32/)
  object.unpin()
})

onKernel(
  'a version that differs in no type is read, however many entries it has and whatever it does',
  async () => {
    const { openPinnedCounter } = await importSkeleton('counter')
    const spec = openObject(fixture('counter'), { name: 'counter', root })
    spec.maps.get('by_process').maxEntries = 77
    spec.programs.get('on_exit').autoload = false
    using object = upgraded(spec)
    using pinned = openPinnedCounter({ root, readOnly: true })
    assert.is(pinned.maps.get('by_process').maxEntries, 77)
    assert.is(pinned.variables.get('only_pid').get(), process.pid)
    assert.throws(() => Reflect.get(pinned.programs, 'on_exit'), /program 'on_exit' is not pinned/)
    object.unpin()
  },
)

onKernel('who follows stays with what it has where the next version does not fit, and is told', async () => {
  const { openCounter, openPinnedCounter } = await importSkeleton('counter')
  using first = upgraded(openCounter({ root }))
  using pinned = openPinnedCounter({ root, follow: true })
  const told = new Promise<Error>(resolve => pinned.once('error', resolve))
  const { id } = pinned.maps.get('by_process')
  using second = upgraded(openObject(fixture('counter-wider'), { name: 'counter', root }))
  assert.is((await told).name, 'PinMismatchError')
  assert.is(pinned.generation, 1)
  assert.is(pinned.maps.get('by_process').id, id)
  first.close()
  second.unpin()
})

onKernel('what was padding when the object was pinned is read by the types of the skeleton', () => {
  const embed = (side: 'old' | 'new') => ({
    ...{ name: 'flows', encoding: 'base64' as const },
    data: readFileSync(pairObject('padding-filled', side)).toString('base64'),
  })
  using object = specFromEmbedded(embed('old'), { root }).upgrade()
  object.maps.get('flows').set(1, { packets: 5n, state: 2 })
  using pinned = pinnedLikeEmbedded(embed('new'), { root })
  assert.equal(pinned.maps.get('flows').get(1), { packets: 5n, state: 2, flags: 0 })
  object.unpin()
})

onKernel('a skeleton that somebody changed is told as such', () => {
  const damaged = { name: 'flows', encoding: 'brotli' as const, data: 'bm90IGJyb3RsaQ==' }
  assert.is(failure(() => specFromEmbedded(damaged)).code, 'ERR_EMBEDDED')
})

onKernel('a link that is not there says so', async () => {
  const { openCounter } = await importSkeleton('counter')
  using object = openCounter({ root }).load()
  assert.throws(() => Reflect.get(object.links, 'on_enter'), /link 'on_enter' is not there: .*attached/)
})

test.run()
