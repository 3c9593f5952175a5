import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
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

needs(
  test,
  'root',
  'clang-19',
  'bash',
)('the five minutes of the README lead from a program to the next version and back', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-page-'))
  // installing the package is what npm run test:package does
  const [install, ...steps] = snippetsOf('../README.md', 'Five minutes')
  assert.match(install?.text ?? '', /^npm install /)
  // some kernels put something there themselves (CONFIG_BPF_PRELOAD)
  const before = readdirSync('/sys/fs/bpf')
  const printed: string[] = []
  for (const step of steps) printed.push(await run(step, directory))
  assert.match(printed[0] ?? '', /^pinned calls at .*: 1 map, 1 program, 1 link\n$/)
  assert.match(printed[1] ?? '', /^(\d+: \{count: \d+\}\n){3}$/m)
  assert.match(printed[2] ?? '', /; generation 2; converted: by_process \(\d+ entries\); /)
  assert.match(printed[2] ?? '', /^(\d+: \{count: \d+, last_ns: \d+\}\n){3}rolled back calls at /m)
  assert.equal(readdirSync('/sys/fs/bpf'), before)
  rmSync(directory, { recursive: true })
})

test.run()
