// `npm run test:package`: packs the package, installs it as anybody would in a new project, and runs it in each version of Node
// that is supported. Needs Linux, the network for npm, and root, as the tool that it bundles pins an object.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const checkout = resolve(import.meta.dirname, '..')
const versions = ['20', '22', '24', '26']
const project = mkdtempSync(join(tmpdir(), 'bpfpin-package-'))
const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

try {
  run('npm', 'pack', checkout, '--silent', '--pack-destination', project)
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }')
  const nodes = versions.map(version => `node${version}@npm:node-linux-${process.arch}@${version}`)
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  run('npm', 'install', ...quiet, ...packed(), `esbuild@${versionOf('esbuild')}`, ...nodes)
  copyFileSync(join(checkout, 'test/fixtures/execs.bpf.o'), join(project, 'execs.bpf.o'))
  writeFileSync(
    join(project, 'tool.ts'),
    `import { openExecs } from './execs.bpf.o'
    using execs = openExecs({ root: '/mnt' }).upgrade()
    console.log(process.version, execs.variables.total.get())
    execs.unpin()`,
  )
  for (const version of versions) {
    const node = join(project, `node_modules/node${version}/bin/node`)
    run(node, 'node_modules/bpfpin/dist/cli/main.js', 'build-tool', 'tool.ts', '-o', `tool-${version}.mjs`)
    const there = 'mount -t bpf bpf /mnt && exec "$1" "$2"'
    const inNamespace = ['--mount', '--propagation', 'private', 'sh', '-c', there, 'sh']
    console.log(run('unshare', ...inNamespace, node, `tool-${version}.mjs`).trim())
  }
} finally {
  rmSync(project, { recursive: true })
}

function packed(): string[] {
  return run('sh', '-c', 'ls ./*.tgz').trim().split('\n')
}

/** The version that is tested here. */
function versionOf(name: string): string {
  const path = join(checkout, 'node_modules', name, 'package.json')
  return execFileSync(process.execPath, ['-p', `require(${JSON.stringify(path)}).version`], {
    encoding: 'utf8',
  }).trim()
}
