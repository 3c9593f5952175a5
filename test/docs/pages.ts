import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { bundled } from '../bundled.ts'

/** A piece of a page: something to run, and what it prints, if the page says so. */
export interface Snippet {
  readonly language: string
  readonly text: string
  readonly output: string | undefined
}

/** What stands between fences; `text` right behind something is what that prints. Of one section, if it is named. */
export function snippetsOf(page: string, section?: string): Snippet[] {
  const path = fileURLToPath(new URL(`../../docs/${page}`, import.meta.url))
  const whole = readFileSync(path, 'utf8')
  const text = whole.split(/^## /m).find(part => part.startsWith(`${section}\n`)) ?? whole
  const fences = Array.from(text.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, language, text]) => ({
    language: language!,
    text: text!,
  }))
  return fences.flatMap((fence, i) => {
    if (fence.language === 'text') return []
    const next = fences[i + 1]
    return [{ ...fence, output: next?.language === 'text' ? next.text : undefined }]
  })
}

/** What a snippet printed; C is written down as the file that its first line names, and prints nothing. */
export async function run({ language, text }: Snippet, directory: string): Promise<string> {
  if (language === 'c') {
    const [, name] = /^\/\/ (\S+\.c)$/m.exec(text) ?? []
    if (name !== undefined) writeFileSync(join(directory, name), text)
    return ''
  }
  const args =
    language === 'ts' ? [process.execPath, await script(text, directory)] : ['bash', '-ec', await shell(text)]
  const { status, stdout, stderr } = spawnSync(args[0]!, args.slice(1), { encoding: 'utf8', cwd: directory })
  if (status !== 0) throw new Error(`exit code ${status}:\n${text}\n${stdout}${stderr}`)
  return stdout
}

let tool: readonly string[] | undefined

async function shell(text: string): Promise<string> {
  tool ??= await bundled(new URL('../../src/cli/main.ts', import.meta.url))
  const words = [process.execPath, ...tool].map(word => `'${word}'`).join(' ')
  // the compiler has its version in its name here
  return `bpfpin() { ${words} "$@"; }; clang() { clang-19 "$@"; }; ${text}`
}

async function script(text: string, directory: string): Promise<string> {
  const outfile = join(directory, 'snippet.mjs')
  await build({
    stdin: { contents: text, loader: 'ts', resolveDir: directory },
    ...{ outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'silent' },
    alias: { bpfpin: fileURLToPath(new URL('../../src/index.ts', import.meta.url)) },
    // koffi is found from here
    define: { 'import.meta.url': JSON.stringify(import.meta.url) },
  })
  return outfile
}
