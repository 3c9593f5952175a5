import { mkdirSync, rmdirSync, unlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openPinned } from '../../src/index.ts'
import { listStrangers, Root } from '../../src/pin/index.ts'
import { createManifest } from '../../src/pin/manifest-map.ts'
import { closeFd, interceptSyscalls, mapCreate, objPin } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { needs } from '../requirements.ts'

const onKernel = needs(test, 'root')
const root = process.env.BPFPIN_TEST_ROOT ?? ''
const mebibyte = 2 ** 20
/** include/linux/btf.h: BTF_MAX_SIZE; as much again is for the text. */
const most = 2 * 16 * mebibyte

/** What anybody who may pin there could have put in the place of a manifest. */
function withManifestOf<T>(bytes: number, use: () => T): T {
  const fd = mapCreate({ type: 2, keySize: 4, valueSize: bytes, maxEntries: 1 })
  assert.ok(fd >= 0, `${fd}`)
  mkdirSync(`${root}/big`)
  assert.is(objPin(fd, `${root}/big/~object`), 0)
  closeFd(fd)
  try {
    return use()
  } finally {
    unlinkSync(`${root}/big/~object`)
    rmdirSync(`${root}/big`)
  }
}

onKernel('what is too large for a manifest is not read', () => {
  withManifestOf(most + 1, () => {
    let looked = 0
    interceptSyscalls(({ name }) => {
      if (name === 'bpf(BPF_MAP_LOOKUP_ELEM)') looked++
      return undefined
    })
    const { code, message } = failure(() => openPinned('big', { root }))
    using open = Root.find(root)
    const notes = open && listStrangers(open).notes.join()
    interceptSyscalls(undefined)
    assert.is(code, 'ERR_MANIFEST')
    assert.match(message, `has ${most + 1} bytes, and ${most} are the most`)
    assert.match(notes ?? '', message)
    assert.is(looked, 0)
  })
})

onKernel('what is not is, and is found to be none', () => {
  const { code, message } = failure(() => withManifestOf(most, () => openPinned('big', { root })))
  assert.equal([code, message], ['ERR_MANIFEST', `${root}/big/~object is not a manifest`])
})

onKernel('a manifest that could not be read again is not written', () => {
  const pins = { pins: [], links: [], programs: [], btf: new Uint8Array(most) }
  const { code, message, hint } = failure(() =>
    createManifest({ generation: 1, name: 'big', created: '', ...pins }),
  )
  assert.is(code, 'ERR_MANIFEST')
  assert.match(message, /^writing the manifest of 'big': it would have \d+ bytes, and 33554432 are the most$/)
  assert.ok(hint)
})

test.run()
