import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { bpfpin } from '../cli/bpfpin.ts'
import { needs } from '../requirements.ts'
import { builtExample, example } from './built.ts'

const root = process.env.BPFPIN_TEST_ROOT!
const object = example('syscount/syscount.bpf.o')

needs(
  test,
  'root',
  'setpriv',
)('the exporter has no capability, is scraped, and goes on with the next generation', async () => {
  openObject(object, { root }).upgrade().close()
  const script = await builtExample('exporter/exporter.mjs')
  const none = ['--bounding-set=-all', '--inh-caps=-all']
  const exporter = spawn(
    'setpriv',
    [...none, process.execPath, script, '--root', root, '--listen', '127.0.0.1:0'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [line] = await once(createInterface({ input: exporter.stdout! }), 'line')
  const url = String(line).replace('listening at ', '')
  const scrape = async (): Promise<{ status: number; text: string }> => {
    const response = await fetch(url, { headers: { connection: 'close' } })
    return { status: response.status, text: await response.text() }
  }
  const sampleOf = (text: string, sample: string): number => {
    const found = text.split('\n').find(one => one.startsWith(`${sample} `))
    assert.ok(found, `${sample} in ${text}`)
    return Number(found.slice(sample.length))
  }
  const first = await scrape()
  assert.is(first.status, 200)
  for (const one of first.text.trimEnd().split('\n')) {
    // https://prometheus.io/docs/instrumenting/exposition_formats/: comments, and samples with labels
    assert.match(one, /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="([^"\\]|\\["\\n])*",?)+\})? \d+)$/)
  }
  assert.match(first.text, `syscount_calls_total{pid="${process.pid}",name="`)
  assert.is(sampleOf(first.text, 'syscount_generation'), 1)
  // another constant makes it another version
  const next = openObject(object, { root })
  next.variables.get('only_pid').set(process.pid)
  next.upgrade().close()
  const second = await scrape()
  assert.is(sampleOf(second.text, 'syscount_generation'), 2)
  assert.ok(sampleOf(second.text, 'syscount_total') >= sampleOf(first.text, 'syscount_total'))
  assert.is(bpfpin('unpin', 'syscount', '--root', root).code, 0)
  assert.is((await scrape()).status, 503)
  openObject(object, { root }).upgrade().close()
  assert.is(sampleOf((await scrape()).text, 'syscount_generation'), 1)
  const ended = once(exporter, 'exit')
  exporter.kill('SIGTERM')
  assert.equal(await ended, [0, null])
  assert.is(bpfpin('unpin', 'syscount', '--root', root).code, 0)
})

test.run()
