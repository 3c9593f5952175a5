import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { listObject, Root, unpinObject } from '../../src/pin/index.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { bundled } from '../bundled.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

needs(test, 'root')(
  'an object that is replaced while it is looked at is listed whole, as it is then',
  async () => {
    const script = await bundled(new URL('../api/flows.ts', import.meta.url))
    const install = (version: string): Buffer => execFileSync(process.execPath, [...script, root, version])
    install('1')
    using open = Root.open(root, 0o700)
    let calls = 0
    interceptSyscalls(({ name }) => {
      // after the manifest and the first pin
      if (name === 'bpf(BPF_OBJ_GET)' && ++calls === 3) install('2')
      return undefined
    })
    try {
      const listed = listObject(open, 'flows')
      assert.equal(listed?.problems, [])
      assert.is(listed?.generation, 2)
      assert.ok(calls > 3)
    } finally {
      interceptSyscalls(undefined)
    }
    unpinObject(open, 'flows')
  },
)

test.run()
