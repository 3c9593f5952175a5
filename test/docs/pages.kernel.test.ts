import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { example } from '../examples/built.ts'
import { needs } from '../requirements.ts'
import { run, snippetsOf } from './pages.ts'

// the pages speak of /sys/fs/bpf: in the mount namespace of this file it is one of its own
test.before(() => {
  execFileSync('mount', ['-t', 'bpf', 'bpf', '/sys/fs/bpf'])
})
test.after(() => {
  execFileSync('umount', ['/sys/fs/bpf'])
})

for (const page of ['getting-started.md', 'pinning.md', 'coming-from.md', 'testing-programs.md']) {
  needs(
    test,
    'root',
    'clang-19',
    'bash',
  )(`every snippet of docs/${page} runs, and prints what the page says`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'bpfpin-page-'))
    mkdirSync(join(directory, 'node_modules'))
    copyFileSync(example('syscount/syscount.bpf.o'), join(directory, 'syscount.bpf.o'))
    const snippets = snippetsOf(page).filter(({ language }) => ['c', 'sh', 'ts'].includes(language))
    assert.ok(snippets.length >= 3)
    for (const snippet of snippets) {
      const printed = await run(snippet, directory)
      if (snippet.output !== undefined) assert.is(printed, snippet.output, snippet.text)
    }
    rmSync(directory, { recursive: true })
  })
}

test.run()
