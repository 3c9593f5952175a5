// Checks who imports whom in src/: the rooms of docs/architecture.md. Part of `npm run check`.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

/** From the top of the house down; a room imports from those below it only. */
const rooms = [
  ...['index', 'cli', 'esbuild', 'codegen', 'api', 'pin', 'object', 'link', 'map', 'plan', 'spec'],
  ...['elf', 'btf', 'parser', 'syscall'],
]
/** Files that every room may import, and that import none. */
const below = new Set(['errors', 'closing'])
/** Rooms that must run in a browser: no koffi, no `node:`. */
const pure = new Set(['codegen', 'plan', 'spec', 'elf', 'btf', 'parser'])
const mayCallTheKernel = new Set(['pin', 'object', 'link', 'map', 'syscall'])
/** All that is installed with the package, and where it may be imported. */
const dependencies: Record<string, (file: string, room: string) => boolean> = {
  // the second is in the place of the first in a bundle, and needs its types
  koffi: file => ['syscall/koffi.ts', 'esbuild/carried-koffi.ts'].includes(file),
}
/** What those have who bundle; it is not installed with the package. */
const peers: Record<string, (file: string, room: string) => boolean> = {
  esbuild: (_, room) => room === 'esbuild',
}

const root = resolve(import.meta.dirname, '..')
const src = join(root, 'src')
const problems: string[] = []

for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' }).sort()) {
  if (!file.endsWith('.ts') || file.endsWith('.d.ts') || file.startsWith('parser/assembly/')) continue
  const isBundled = !['cli', 'esbuild'].includes(roomOf(file)) && file !== 'syscall/koffi.ts'
  if (isBundled && readFileSync(join(src, file), 'utf8').includes('import.meta')) {
    problems.push(
      `src/${file}: a bundle in CommonJS has no import.meta; process.getBuiltinModule() loads late`,
    )
  }
  for (const specifier of importsOf(readFileSync(join(src, file), 'utf8'))) {
    const problem = check(file, specifier)
    if (problem !== undefined) problems.push(`src/${file}: imports '${specifier}': ${problem}`)
  }
}
for (const problem of problems) console.log(problem)
if (problems.length > 0) process.exit(1)

/** Every module that the text names, also for its types only. */
function importsOf(text: string): string[] {
  const named = /(?:\bfrom\s+|\bimport\s+|\bimport\(|\brequire\(|\(import\.meta\.url\)\()'([^']+)'/g
  return [...text.matchAll(named)].map(match => match[1]!)
}

/** The rule that an import breaks. */
function check(file: string, specifier: string): string | undefined {
  const room = roomOf(file)
  const target = roomOf(relative(src, resolve(src, file, '..', specifier)))
  if (specifier.startsWith('.')) return checkRooms(room, target)
  if (specifier.startsWith('node:')) return pure.has(room) ? `'${room}' must run without node` : undefined
  const allowed = dependencies[specifier] ?? peers[specifier]
  if (allowed === undefined) return 'not a dependency that the package may have'
  return allowed(file, room) ? undefined : 'not here'
}

function checkRooms(from: string, to: string): string | undefined {
  if (below.has(to) || from === to) return undefined
  if (to === 'options') return below.has(from) ? `${from}.ts is below everything` : undefined
  if (below.has(from)) return `${from}.ts is below everything`
  if (!rooms.includes(to)) return `there is no room '${to}'`
  if (rooms.indexOf(to) < rooms.indexOf(from)) return `'${to}' is above '${from}'`
  if (to === 'syscall' && !mayCallTheKernel.has(from)) return `'${from}' must not call the kernel`
  return undefined
}

/** `pin/state.ts` -> `pin`, `index.ts` -> `index`. */
function roomOf(file: string): string {
  return file.split('/', 1)[0]!.replace(/\.ts$/, '')
}
