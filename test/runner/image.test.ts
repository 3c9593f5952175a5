import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Archive } from '../../scripts/vm/archive.ts'
import { needs } from '../requirements.ts'

needs(test, 'cpio')('cpio unpacks an archive as it was meant', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-archive-'))
  const path = join(scratch, 'archive.cpio')
  const bytes = Buffer.from('three lines\n'.repeat(3))
  const archive = new Archive(path)
  archive.addFile('/a/deep/path/script', bytes, 0o755)
  archive.addFile('/a/deep/odd', bytes.subarray(0, 7))
  archive.addLink('/a/link', 'deep/odd')
  archive.addDirectory('/empty')
  archive.addFile('/a/deep/odd', Buffer.from('the first one stays'))
  archive.close()
  execFileSync('cpio', ['--extract', '--quiet', '--file', path], { cwd: scratch })
  assert.ok(readFileSync(join(scratch, 'a/deep/path/script')).equals(bytes))
  assert.is(statSync(join(scratch, 'a/deep/path/script')).mode & 0o777, 0o755)
  assert.is(readFileSync(join(scratch, 'a/link'), 'utf8'), 'three l')
  assert.is(readlinkSync(join(scratch, 'a/link')), 'deep/odd')
  assert.ok(statSync(join(scratch, 'empty')).isDirectory())
  rmSync(scratch, { recursive: true })
})

test.run()
