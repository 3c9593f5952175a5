import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { bpfpin, bpfpinJson } from './bpfpin.ts'
import { everything, type Listing, pinFixture, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root')

test.after.each(unpinAll)

onKernel('a changed value size is refused with exit code 3, and nothing changes on bpffs', () => {
  pinFixture('counter')
  const before = everything()

  const { code, stdout, stderr } = bpfpin(
    'pin',
    fixture('counter-wider'),
    '--name',
    'counter',
    '--root',
    root,
  )
  assert.equal({ code, stdout }, { code: 3, stdout: '' })
  assert.match(stderr, "map 'by_process': value size 32 is pinned, the object asks for 40")
  assert.equal(everything(), before)

  const refused = bpfpin('pin', fixture('counter-wider'), '--name', 'counter', '--root', root, '--json')
  assert.is(refused.code, 3)
  const { error } = JSON.parse(refused.stdout)
  assert.is(error.code, 'ERR_PIN_MISMATCH')
  assert.equal(error.verdicts[0], {
    kind: 'map',
    name: 'by_process',
    path: `${root}/counter/maps/by_process`,
    verdict: 'convertible',
    reasons: [
      { field: 'valueSize', wanted: '40', pinned: '32' },
      {
        field: 'value.last_ns',
        wanted: 'u64 at 32',
        pinned: 'none',
        change: 'added',
        note: 'has its initial value',
      },
    ],
    differences: error.verdicts[0].differences,
  })
  assert.equal(
    error.verdicts[0].differences.value.map(({ path, change }: Record<string, string>) => [path, change]),
    [
      ['calls', 'kept'],
      ['weighted', 'kept'],
      ['comm', 'kept'],
      ['last_ns', 'added'],
    ],
  )
  assert.equal(everything(), before)
})

onKernel('the other version fits beside it under another name', () => {
  pinFixture('counter')
  assert.is(bpfpin('pin', fixture('counter-wider'), '--root', root).code, 0)
  const { objects } = bpfpinJson<Listing>('ls', '--root', root)
  assert.equal(
    objects.map(({ name }) => name),
    ['counter', 'counter-wider'],
  )
})

test.run()
