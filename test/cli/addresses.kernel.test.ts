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

test.run()
