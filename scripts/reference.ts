// `npm run reference` writes man/bpfpin.1 and docs/cli.md from what the commands say of themselves; with `--check` it writes
// nothing, and fails where they are not as they would be written.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { declarations } from '../src/cli/declarations.ts'
import { manualPage } from './reference/manual.ts'
import { markdownPage } from './reference/markdown.ts'

const root = resolve(import.meta.dirname, '..')
const commands = await declarations()
const pages = { 'man/bpfpin.1': manualPage(commands), 'docs/cli.md': markdownPage(commands) }

for (const [name, text] of Object.entries(pages)) {
  const path = join(root, name)
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  } else if (readFileSync(path, 'utf8') !== text) {
    console.log(`${name} is not what the commands say: npm run reference writes it`)
    process.exitCode = 1
  }
}
