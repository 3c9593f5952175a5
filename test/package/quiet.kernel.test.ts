// What a process does not do that pins an object: the kernel's list of what it does.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bundled } from '../bundled.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-quiet-'))
test.after(() => rmSync(scratch, { recursive: true }))

/** Calls that a process and its threads made, as strace writes them: `socket(AF_INET, ...) = 3`. */
async function callsOf(script: URL): Promise<string[]> {
  const log = join(scratch, 'calls')
  const traced = ['-f', '-qq', '-y', '-s', '4096', '-o', log, '-e', 'trace=%network,%process,%file,%desc']
  execFileSync('strace', [...traced, process.execPath, ...(await bundled(script)), root], { stdio: 'ignore' })
  return readFileSync(log, 'utf8')
    .split('\n')
    .map(line => line.replace(/^\d+ +/, ''))
}

needs(
  test,
  'root',
  'strace',
)('a pin reaches no network, starts no program, and makes no file but on bpffs', async () => {
  const calls = await callsOf(new URL('./plain.ts', import.meta.url))
  const matching = (pattern: RegExp): string[] => calls.filter(call => pattern.test(call))
  // it was seen at work
  assert.ok(
    matching(/^renameat2\(\d+<[^>]+>, "counter~next", \d+<[^>]+>, "counter", RENAME_NOREPLACE\) = 0$/)
      .length > 0,
  )
  assert.equal(matching(/^(socket|connect|bind|listen|accept4?|send(to|msg|mmsg)|recv(from|msg|mmsg))\(/), [])
  assert.is(matching(/^(execve|execveat)\(/).length, 1)
  assert.equal(
    matching(/^(fork|vfork|clone3?)\(/).filter(call => !call.includes('CLONE_THREAD')),
    [],
  )
  assert.equal(matching(/^(open|openat|openat2|creat)\(.*(O_CREAT|O_TMPFILE|O_TRUNC|O_APPEND)|^creat\(/), [])
  const made = matching(
    /^(mkdir|mkdirat|symlink|symlinkat|link|linkat|mknod|mknodat|rename|renameat|renameat2)\(/,
  )
  const places = made.map(call => /^(?:mkdirat|renameat2)\(\d+<([^>]+)>, "[^/"]+"/.exec(call)?.[1] ?? call)
  assert.equal([...new Set(places)].sort(), [root, `${root}/counter~next`])
})

test.run()
