import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'

const demo = [...process.execArgv, fileURLToPath(new URL('../../examples/syscount/demo.ts', import.meta.url))]
const onKernel = needs(test, 'root', 'bpftool')

/** Links of the demo that are still there; its output shows their ids. */
function linksLeft(output: string): number[] {
  const ids = Array.from(output.matchAll(/raw_tracepoint +id (\d+) +program/g), ([, id]) => Number(id))
  assert.is(ids.length, 2)
  const all = bpftool<{ id: number }[]>('link', 'list').map(({ id }) => id)
  return ids.filter(id => all.includes(id))
}

onKernel('the demo pins, reads from another process, finds again, unpins, and leaves nothing', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...demo, '--seconds', '1'], {
    encoding: 'utf8',
  })
  assert.equal({ status, stderr }, { status: 0, stderr: '' }, stdout)
  assert.match(stdout, /^pinned syscount at .*\/demo\/syscount: 5 maps, 2 programs, 2 links$/m)
  assert.match(stdout, /^[\d,]+ system calls a second; half of them took less than/m)
  assert.match(stdout, /^ +[\d,]+ +[\d,]+ +[\d.]+ \S+ +\d+ demo-worker +█+$/m)
  assert.match(stdout, /^found syscount at .*; nothing was changed$/m)
  const [, idsBefore, idsAfter] = /^ids before: (.*)\nids after: {2}(.*)$/m.exec(stdout) ?? []
  assert.ok(idsBefore !== undefined && idsBefore === idsAfter)
  assert.match(stdout, /^total = [1-9]\d*$/m)
  assert.match(stdout, /^unpinned syscount at .*: 9 pins removed$/m)
  assert.equal(linksLeft(stdout), [])
})

onKernel('Ctrl-C ends the demo, and everything is unpinned', async () => {
  const child = spawn(process.execPath, [...demo, '--seconds', '60'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', text => (output += text))
  await whenPrinted(child, () => output.includes('system calls a second'))
  // as the terminal does: to the whole group
  process.kill(-child.pid!, 'SIGINT')
  const [code] = await once(child, 'close')
  assert.is(code, 130, output)
  assert.match(output, /^unpinned syscount/m)
  assert.equal(linksLeft(output), [])
})

async function whenPrinted({ stdout }: ChildProcess, isThere: () => boolean): Promise<void> {
  while (!isThere()) await once(stdout!, 'data')
}

needs(
  test,
  'root',
  'unshare',
)('without root the demo shows the object, says what is missing, and succeeds', () => {
  const command = ['--user', process.execPath, ...demo]
  const { status, stdout, stderr } = spawnSync('unshare', command, { encoding: 'utf8' })
  assert.equal({ status, stderr }, { status: 0, stderr: '' }, stdout)
  assert.match(stdout, /^syscount {2}little-endian, licence GPL/m)
  assert.match(stdout, 'loading BPF programs needs root.\n#   sudo env "PATH=$PATH" npm run demo\n')
})

test.run()
