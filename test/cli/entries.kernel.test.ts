import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'
import { inProcess } from './in-process.ts'
import { pinFixture, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root')

test.after.each(unpinAll)

onKernel('keys of a trie are addresses, to write and to see', async () => {
  pinFixture('networks')
  const run = (...args: string[]): ReturnType<typeof inProcess> =>
    inProcess(args[0]!, ...args.slice(1), '--root', root)
  assert.is((await run('set', 'networks', 'v6', '2001:db8::/32', '7')).stdout, '2001:db8::/32: 7\n')
  assert.is((await run('set', 'networks', 'v4', '10.0.0.0/8', '1')).stdout, '10.0.0.0/8: 1\n')
  assert.is(
    (await run('set', 'networks', 'v4', '{prefixlen: 16, addr: 0x0000010a}', '2')).stdout,
    '10.1.0.0/16: 2\n',
  )
  const { stdout } = await run('dump', 'networks/maps/v4')
  assert.equal(stdout.trim().split('\n').sort(), ['10.0.0.0/8: 1', '10.1.0.0/16: 2'])
  const wrong = await run('set', 'networks', 'v4', '10.0.0.1/8', '1')
  assert.is(wrong.code, 1)
  assert.match(wrong.stderr, 'is 10.0.0.0/8 meant?')
})

onKernel('what has no entries says which command shows it', async () => {
  pinFixture('map-kinds')
  const { code, stderr } = await inProcess('dump', 'map-kinds/maps/events', '--root', root)
  assert.is(code, 1)
  assert.match(stderr, "map 'events', which is of type ringbuf: it is a buffer")
})

onKernel('what is almost a map leads to those that are there', async () => {
  pinFixture('networks')
  const maps = ['parts', 'v4', 'v6', 'zoned'].map(name => `networks/maps/${name}`)
  for (const path of ['networks', 'networks/maps/v5', 'networks/programs/look']) {
    const { code, stderr } = await inProcess('dump', path, '--root', root)
    assert.is(code, 1)
    const [, there = ''] = /^maps there: (.*)$/m.exec(stderr) ?? []
    assert.equal(there.split(', ').sort(), maps, stderr)
  }
  for (const path of ['networks/programs/look/x', 'nothing/maps/v4', 'networks/maps/v4/x']) {
    for (const command of ['dump', 'events']) {
      const { code, stderr } = await inProcess(command, path, '--root', root)
      assert.is(code, 1)
      assert.not.match(stderr, 'bug in bpfpin')
    }
  }
})

test.run()
