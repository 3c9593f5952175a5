import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { waitByMapOfMaps, waitForPrograms } from '../../src/pin/wait.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { needs } from '../requirements.ts'

const EINVAL = -22
const ENOMEM = -12

function callsOf(work: () => void, refuse: (name: string) => number | undefined): string[] {
  const calls: string[] = []
  interceptSyscalls(({ name }) => {
    calls.push(name)
    return refuse(name)
  })
  try {
    work()
  } finally {
    interceptSyscalls(undefined)
  }
  return calls
}

needs(test, 'root')('one membarrier waits for programs', () => {
  assert.equal(
    callsOf(waitForPrograms, () => undefined),
    ['membarrier'],
  )
})

needs(test, 'root')('where membarrier is refused a map of maps is updated instead', () => {
  const calls = callsOf(waitForPrograms, name => (name === 'membarrier' ? EINVAL : undefined))
  assert.equal(calls, [
    ...['membarrier', 'bpf(BPF_MAP_CREATE)', 'bpf(BPF_MAP_CREATE)', 'bpf(BPF_MAP_UPDATE_ELEM)'],
    ...['close', 'close'],
  ])
})

needs(test, 'root')('what fails while waiting is said, and leaves no descriptor', () => {
  for (const failing of ['bpf(BPF_MAP_CREATE)', 'bpf(BPF_MAP_UPDATE_ELEM)']) {
    let error: unknown
    callsOf(
      () => {
        try {
          waitByMapOfMaps()
        } catch (caught) {
          error = caught
        }
      },
      name => (name === failing ? ENOMEM : undefined),
    )
    assert.match(String(error), /waiting for programs to end/)
  }
})

test.run()
