import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const veth = '/sys/kernel/btf/veth'

needs(
  test,
  'root',
  'bpftool',
  veth,
)('types that only a module has are where bpftool reads them in the module', () => {
  const dump = execFileSync('bpftool', ['-B', '/sys/kernel/btf/vmlinux', 'btf', 'dump', 'file', veth], {
    encoding: 'utf8',
  })
  const struct =
    /^\[(\d+)\] STRUCT 'veth_priv'.*\n(?:\t.*\n)*?\t'requested_headroom' .* bits_offset=(\d+)/m.exec(dump)
  using object = openObject(fixture('core-module')).load()
  const result = (name: string): number => object.programs.get(name).run().returnValue
  assert.is(result('id'), Number(struct?.[1]))
  assert.is(result('offset'), Number(struct?.[2]) / 8)
  assert.is(result('by_flavour'), 1)
})

test.run()
