// Checks what comes with the package, and from where: the budget of docs/security.md. Part of `npm run check`.
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** All that is installed with the package. What is bundled into it is a development dependency. */
const budget = ['koffi']
/** What they bring: koffi's native part, one package a platform, of koffi's own version. */
const brought = /^node_modules\/@koromix\/koffi-[a-z0-9]+-[a-z0-9]+$/
/** What npm runs when a package is installed (npm's documentation: scripts, life cycle). */
const onInstall = [
  'preinstall',
  'install',
  'postinstall',
  'preprepare',
  'prepare',
  'postprepare',
  'dependencies',
]
/** Of Node's modules those that reach a network, however they are loaded, and what is there without a module. */
const network =
  /(?:from|import\(|require\(|getBuiltinModule\()\s*'(?:node:)?(?:net|http|https|http2|dgram|dns|dns\/promises|tls)'|\bfetch\(|\bWebSocket\b/
/** A pipe is a socket to Node, which watches it as one. */
const pipes = 'syscall/worker-poll.ts'

interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly peer?: boolean
  readonly optional?: boolean
}

const root = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const { dependencies = {}, devDependencies = {}, scripts = {} } = JSON.parse(read('package.json'))
const locked = Object.entries<Locked>(JSON.parse(read('package-lock.json')).packages).filter(
  ([path]) => path !== '',
)
const problems: string[] = []

if (Object.keys(dependencies).join() !== budget.join()) {
  problems.push(
    `package.json: its dependencies are ${Object.keys(dependencies).join(', ')}, and not ${budget.join(', ')}`,
  )
}
for (const [name, version] of Object.entries<string>({ ...dependencies, ...devDependencies })) {
  if (!/^\d+\.\d+\.\d+$/.test(version))
    problems.push(`package.json: '${name}' is not one version but ${version}`)
}
for (const name of onInstall.filter(name => name in scripts)) {
  problems.push(`package.json: '${name}' would run where the package is installed`)
}
for (const [path, { dev, peer, version, resolved, integrity, optional }] of locked) {
  const isOurs = budget.some(name => path === `node_modules/${name}`)
  if (resolved !== undefined) problems.push(`package-lock.json: ${path} names a host: ${resolved}`)
  // of a platform's part that was never installed there is none
  if (integrity === undefined && !(dev && optional)) problems.push(`package-lock.json: ${path} has no hash`)
  if (dev || peer || isOurs) continue
  const isBrought = brought.test(path) && version === dependencies.koffi
  if (!isBrought) problems.push(`package-lock.json: ${path} ${version} would be installed with the package`)
}
for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).sort()) {
  if (!file.endsWith('.ts') || file === pipes) continue
  const found = network.exec(read(`src/${file}`))?.[0]
  if (found !== undefined) problems.push(`src/${file}: ${found} reaches a network`)
}

for (const problem of problems) console.log(problem)
if (problems.length > 0) process.exit(1)
