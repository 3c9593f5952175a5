import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { linkPlace } from '../../src/plan/layout.ts'
import { decodeName } from '../../src/plan/names.ts'
import type { LinkOptions, ProgramSpec } from '../../src/spec/types.ts'
import { fixture } from '../fixtures.ts'

const root = '/sys/fs/bpf'

function program(link: LinkOptions = {}, name: string = 'on_xdp'): ProgramSpec {
  return { ...openObject(fixture('links')).programs.get('on_xdp'), name, link }
}

test('links of one program have a file each, from which their names can be read', () => {
  assert.is(linkPlace(program(), root)?.file, 'on_xdp')
  assert.equal(linkPlace(program(), root, 'eth0.100'), {
    kind: 'link',
    name: 'on_xdp~eth0.100',
    file: 'on_xdp~eth0:100',
  })
  assert.is(decodeName('on_xdp~eth0:100'), 'on_xdp~eth0.100')
})

test('the second program of a name and a label never share a file', () => {
  assert.is(linkPlace(program({}, 'hits~1'), root)?.file, 'hits~1')
  assert.is(linkPlace(program({}, 'hits~1'), root, 'web')?.file, 'hits~1~web')
  assert.is(linkPlace(program({}, 'hits'), root, 'web')?.file, 'hits~web')
})

test('a place that was asked for is that of all links of the program, each with its label', () => {
  assert.is(linkPlace(program({ pinPath: '/sys/fs/bpf/x' }), root)?.file, '/sys/fs/bpf/x')
  assert.is(linkPlace(program({ pinPath: '/sys/fs/bpf/x' }), root, 'a.b')?.file, '/sys/fs/bpf/x~a:b')
  assert.is(linkPlace(program({ pinPath: 'shared/x' }), root, 'a')?.file, '/sys/fs/bpf/shared/x~a')
  assert.is(linkPlace(program({ pinPath: null }), root, 'a'), null)
})

test('a name that makes no file with its label is refused', () => {
  assert.throws(() => linkPlace(program({}, 'p'.repeat(250)), root, 'label'), /256 bytes, at most 255/)
})

test.run()
