// After the kernel's selftest `bpf_iter`, its part about files: a pinned iterator is a file that is read.
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ObjectSpec, openObject } from '../../src/index.ts'
import { closeFd, linkUpdate, objGet } from '../../src/syscall/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

/** Of two programs for one hook one is attached. */
function iterators(): ObjectSpec {
  const spec = openObject(fixture('pinning-iterator'), { root })
  spec.programs.get('upper').autoattach = false
  return spec
}

needs(test, 'root')(
  'a pinned iterator is read as a file, and runs another program through the same pin',
  () => {
    const spec = openObject(fixture('pinning-iterator'), { root })
    spec.programs.get('upper').autoattach = false
    const object = spec.upgrade()
    const pin = `${root}/pinning-iterator/links/lower`
    assert.is(new TextDecoder().decode(object.links.get('lower').read()), 'abcd')
    assert.is(readFileSync(pin, 'utf8'), 'abcd')
    object.close()
    assert.is(readFileSync(pin, 'utf8'), 'abcd')

    using again = iterators().loadPinned()
    const link = objGet(pin)
    assert.is(linkUpdate(link, again.programs.get('upper').fd), 0)
    closeFd(link)
    assert.is(readFileSync(pin, 'utf8'), 'ABCD')
    again.unpin()
  },
)

test.run()
