import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'

const checkout = fileURLToPath(new URL('../../', import.meta.url))

test('the functions that read headers are those that binary-parser makes of their declarations', () => {
  const script = ['--import', './test/ts-hook.mjs', 'scripts/build-headers.ts', '--check']
  execFileSync(process.execPath, script, { cwd: checkout, stdio: ['ignore', 'inherit', 'inherit'] })
})

test.run()
