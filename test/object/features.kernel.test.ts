import { release } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { probeFeatures } from '../../src/object/features.ts'
import { isAtLeast, needs } from '../requirements.ts'

needs(test, 'root')('no feature is found that came after this kernel', () => {
  const later = probeFeatures(true).filter(({ since }) => !isAtLeast(release(), `linux ${since}`))
  assert.equal(
    later.filter(({ available }) => available !== 'no').map(({ name }) => name),
    [],
  )
})

// what Debian's kernels are built with is all of it, but for 6.1 without CONFIG_FPROBE (its config-6.1.0-*-cloud-amd64)
const leftOut = isAtLeast(release(), 'linux 6.2') ? [] : ['kprobe.multi']

if (process.env.BPFPIN_MACHINE !== undefined) {
  needs(test, 'root')('every feature is found that a kernel with all options has', () => {
    const here = probeFeatures(true).filter(({ since }) => isAtLeast(release(), `linux ${since}`))
    assert.equal(
      here.filter(({ available }) => available !== 'yes').map(({ name }) => name),
      leftOut,
    )
  })
}

test.run()
