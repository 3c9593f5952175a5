import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { pairObject } from '../plan/pairs.ts'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'
import { commandLine } from './bpfpin.ts'
import { inProcess } from './in-process.ts'
import { everything, names, root, unpinAll } from './pinned.ts'

const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-interrupted-'))

test.after.each(unpinAll)
test.after(() => rmSync(scratch, { recursive: true }))

/** Says that it was called, and then is busy for longer than any test takes. */
const endless = `
import { writeSync } from 'node:fs'
export function flows() {
  writeSync(1, 'called')
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}`

needs(
  test,
  'root',
  'bpftool',
)(
  'Ctrl-C while entries are converted ends the process; what was pinned stays, and the next call clears up',
  async () => {
    {
      using object = openObject(pairObject('appended', 'old'), { root, name: 'object' }).upgrade()
      object.maps.get('flows').set(1, { packets: 2, bytes: 3 })
    }
    const before = everything()
    const file = join(scratch, 'endless.mjs')
    writeFileSync(file, endless)
    const args = [pairObject('appended', 'new'), '--name', 'object', '--root', root]
    const [command = '', ...rest] = commandLine('pin', ...args, '--convert', file)
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    assert.equal(await ended, [null, 'SIGINT'])
    assert.ok(names().includes('object~next'), 'it was not converting yet')
    const { stdout } = await inProcess('ls', '--root', root)
    assert.match(stdout, 'object~next  object being built or removed, or what is left of that')
    const isOld = ([name]: readonly [string]): boolean => !name.startsWith('object~next')
    assert.equal((everything() as [string][]).filter(isOld), before)
    const again = await inProcess('pin', ...args, '--on-mismatch=convert')
    assert.is(again.code, 0, again.stderr)
    assert.not.ok(names().some(name => name.startsWith('object~')))
    const [entry] = bpftool<{ formatted: unknown }[]>('map', 'dump', 'pinned', `${root}/object/maps/flows`)
    assert.equal(entry?.formatted, { key: 1, value: { packets: 2, bytes: 3, drops: 0 } })
  },
)

test.run()
