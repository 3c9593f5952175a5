import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'
import { soak } from './soak.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const cgroup = process.env.BPFPIN_TEST_CGROUP ?? ''

needs(
  test,
  'root',
  'bpftool',
)('eight processes that change and read the same objects lose nothing', async () => {
  const { samples, problems, generations, seen, events } = await soak({
    ...{ root, cgroup, processes: 8, seconds: 8, operations: 60, interval: 2, seed: Date.now() },
  })
  assert.equal(problems, [])
  console.log(
    `| soak: ${samples.at(-1)?.operations} operations, ${generations} generations, ${events} events, ${seen} seen`,
  )
  // what was open at the first look is open at the last
  assert.is(samples.at(-1)?.descriptors, samples[0]?.descriptors)
})

test.run()
