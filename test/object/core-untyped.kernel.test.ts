import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BpfError, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const described = '/sys/kernel/btf'

/** Runs with nothing in /sys/kernel/btf, which is in the mount namespace of this test only; `types` is a copy of vmlinux. */
function untyped(run: (types: string) => void): void {
  const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-untyped-'))
  const types = join(scratch, 'kernel.btf')
  copyFileSync(`${described}/vmlinux`, types)
  execFileSync('mount', ['-t', 'tmpfs', 'nothing', described])
  try {
    run(types)
  } finally {
    execFileSync('umount', [described])
    rmSync(scratch, { recursive: true })
  }
}

needs(
  test,
  'root',
  'mount',
  `${described}/vmlinux`,
)(
  'on a kernel that does not describe itself, types from a file do, and objects without CO-RE need none',
  () => {
    untyped(types => {
      try {
        openObject(fixture('core-running')).load().close()
        assert.unreachable()
      } catch (error) {
        assert.ok(error instanceof BpfError)
        assert.is(error.code, 'ENOENT')
        assert.match(
          error.message,
          /does not describe its own types: cannot open \/sys\/kernel\/btf\/vmlinux/,
        )
        assert.match(error.hint ?? '', /openObject\(path, \{ btf \}\)/)
      }
      openObject(fixture('counter')).load().close()

      const spec = openObject(fixture('core-running'), { btf: types })
      // the verifier itself needs the kernel's types for programs of tracepoints, by id
      for (const program of spec.programs) program.autoload = program.name !== 'direct'
      using object = spec.load()
      assert.is(object.programs.get('tgid_by_types').run().returnValue, process.pid)
    })
  },
)

test.run()
