import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Btf, parseBtf } from '../../src/btf/index.ts'
import { needs } from '../requirements.ts'
import { bpftoolTypes, type DumpedType, fixturesWith, openFixture } from './objects.ts'
import { asDumped } from './oracle.ts'

const kernelBtf = '/sys/kernel/btf/vmlinux'

let kernel: { readonly btf: Btf; readonly dumped: readonly DumpedType[] } | undefined

/** Read once: bpftool's answer alone is 17 MB. */
function readKernel() {
  kernel ??= {
    btf: parseBtf(readFileSync(kernelBtf), { where: kernelBtf }),
    dumped: bpftoolTypes(kernelBtf),
  }
  return kernel
}

for (const name of fixturesWith('.BTF')) {
  needs(test, 'bpftool')(`every type of ${name} is what bpftool shows`, () => {
    const { btf, path } = openFixture(name)
    const theirs = bpftoolTypes(path)
    btf.check()
    assert.is(btf.count, theirs.length)
    for (const type of theirs) assert.equal(asDumped(btf.type(type.id)), type)
  })
}

needs(
  test,
  'bpftool',
  kernelBtf,
)('every type of the running kernel is what bpftool shows', () => {
  const { btf, dumped: theirs } = readKernel()
  assert.is(btf.count, theirs.length)
  for (const type of theirs) {
    assert.is(btf.kindOf(type.id), type.kind.toLowerCase())
    assert.is(btf.nameOf(type.id) || '(anon)', type.name)
    // a comparison of text is several times faster than assert.equal, which is for showing where the two differ
    const ours = asDumped(btf.type(type.id))
    if (JSON.stringify(ours) !== JSON.stringify(type)) assert.equal(ours, type)
    if (type.size !== undefined) assert.is(btf.sizeOf(type.id), type.size)
  }
})

needs(test, kernelBtf)('every type of the running kernel passes the checks', () => {
  parseBtf(readFileSync(kernelBtf)).check()
})

needs(
  test,
  'bpftool',
  kernelBtf,
)('find returns the types that bpftool shows under a name', () => {
  const { btf, dumped } = readKernel()
  const byName = new Map<string, number[]>()
  for (const { name, id } of dumped) {
    const ids = byName.get(name)
    if (ids) ids.push(id)
    else if (name !== '(anon)') byName.set(name, [id])
  }
  for (const [name, ids] of byName) assert.is([...btf.idsOf(name)].join(), ids.join(), name)
  assert.ok([...byName.values()].some(ids => ids.length > 1))
  assert.is(btf.find('list_head', 'struct')?.id, byName.get('list_head')?.[0])
  assert.is(btf.find('list_head', 'union'), undefined)
  assert.is(btf.find('no such type'), undefined)
  assert.is(btf.find(''), undefined)
})

test.run()
