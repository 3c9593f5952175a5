import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'
import { Sequences } from './sequences.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const cgroup = process.env.BPFPIN_TEST_CGROUP ?? ''

needs(
  test,
  'root',
  'linux 6.9',
)(
  'whatever is called in whatever order, no process ends by a signal, by an error of another kind, or with something open',
  async () => {
    const sequences = await Sequences.make({ root, cgroup })
    const found: string[] = []
    let [seed, steps] = [1, 0]
    const work = async (): Promise<void> => {
      while (seed <= 16) {
        const sequence = { seed: seed++, steps: 150 }
        const { wrong, trail } = await sequences.run(sequence)
        steps += trail.length / 2
        if (wrong !== undefined)
          found.push(`npm run fuzz:api -- --seed ${sequence.seed} --steps 150: ${wrong}`)
      }
    }
    await Promise.all([work(), work()])
    sequences.close()
    assert.equal(found, [])
    // half of the sequences come to their end, at the least
    assert.ok(steps > 800, `${steps} steps`)
  },
)

test.run()
