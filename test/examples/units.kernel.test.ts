import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bpfpin, bpfpinJson, commandLine } from '../cli/bpfpin.ts'
import { type Listing, root } from '../cli/pinned.ts'
import { needs } from '../requirements.ts'
import { example } from './built.ts'

const units = ['syscount.service', 'syscount-exporter.service']

/** `KEY=value` lines of a unit, by key. */
function settings(unit: string): Map<string, string> {
  const lines = readFileSync(example(`systemd/${unit}`), 'utf8').matchAll(/^(\w+)=(.*)$/gm)
  return new Map(Array.from(lines, ([, key, value]) => [key!, value!]))
}

needs(test, 'systemd-analyze')('systemd has nothing to say about the units', () => {
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-units-'))
  const paths = units.map(unit => {
    // what they start is not installed here
    const text = readFileSync(example(`systemd/${unit}`), 'utf8').replace(/^(Exec\w+=)\S+/gm, '$1/bin/true')
    writeFileSync(join(directory, unit), text.replace('man:bpfpin(1)', 'man:bash(1)'))
    return join(directory, unit)
  })
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], {
    encoding: 'utf8',
  })
  // it also looks at what the units refer to, of this system
  const about = `${stdout}${stderr}`.split('\n').filter(line => line.includes('syscount'))
  assert.equal({ status, about }, { status: 0, about: [] })
  rmSync(directory, { recursive: true })
})

needs(
  test,
  'root',
  'setpriv',
)(
  'the unit installs with the capabilities that it keeps, a second start finds, and a stop does nothing',
  () => {
    const unit = settings('syscount.service')
    const names = unit.get('CapabilityBoundingSet')!.split(' ')
    assert.is(unit.has('ExecStop'), false)
    assert.is(unit.get('ExecReload'), unit.get('ExecStart'))
    const kept = names.map(name => `+${name.slice('CAP_'.length).toLowerCase()}`).join(',')
    const start = (): Listing & { done: string } => {
      const [, ...args] = unit.get('ExecStart')!.split(' ')
      const object = args.map(arg => (arg.endsWith('.bpf.o') ? example('syscount/syscount.bpf.o') : arg))
      const command = commandLine(...object, '--root', root, '--json')
      const all = ['--inh-caps=-all', `--bounding-set=-all,${kept}`, '--no-new-privs', ...command]
      const { stdout, stderr } = spawnSync('setpriv', all, { encoding: 'utf8' })
      assert.is(stderr, '')
      return JSON.parse(stdout)
    }
    assert.is(start().done, 'pinned')
    assert.is(start().done, 'found')
    const [object] = bpfpinJson<Listing>('ls', '--root', root).objects
    assert.is(object?.links.length, 2)
    assert.is(bpfpin('unpin', 'syscount', '--root', root).code, 0)
  },
)

interface Container {
  readonly name: string
  readonly command: readonly string[]
  readonly volumeMounts: readonly { name: string; mountPath: string }[]
  readonly securityContext: {
    readonly capabilities: { readonly drop: string[]; readonly add?: string[] }
    readonly seccompProfile?: { readonly type: string }
  }
}

/** Fields of the API that the manifest uses, as the reference of apps/v1 and core/v1 (Kubernetes 1.30) has them. */
const known: Readonly<Record<string, readonly string[]>> = {
  daemonSet: ['apiVersion', 'kind', 'metadata', 'spec'],
  daemonSetSpec: ['selector', 'template', 'updateStrategy', 'minReadySeconds', 'revisionHistoryLimit'],
  podSpec: [
    ...[
      'initContainers',
      'containers',
      'volumes',
      'tolerations',
      'automountServiceAccountToken',
      'nodeSelector',
    ],
    ...['serviceAccountName', 'hostNetwork', 'hostPID', 'priorityClassName', 'securityContext', 'affinity'],
  ],
  container: [
    ...['name', 'image', 'command', 'args', 'env', 'ports', 'resources', 'volumeMounts', 'securityContext'],
    ...['readinessProbe', 'livenessProbe', 'startupProbe', 'imagePullPolicy', 'workingDir', 'lifecycle'],
  ],
  mount: ['name', 'mountPath', 'readOnly', 'mountPropagation', 'subPath'],
  securityContext: [
    ...['runAsUser', 'runAsGroup', 'runAsNonRoot', 'readOnlyRootFilesystem', 'allowPrivilegeEscalation'],
    ...['capabilities', 'privileged', 'seccompProfile'],
  ],
}

function hasOnly(kind: string, value: object): void {
  assert.equal(
    Object.keys(value).filter(key => !known[kind]?.includes(key)),
    [],
    kind,
  )
}

needs(
  test,
  'root',
  'setpriv',
  'python3',
)('the DaemonSet is one, and its init container pins with what it is allowed', () => {
  const load = 'import json,sys,yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))'
  const { stdout, stderr } = spawnSync('python3', ['-c', load, example('kubernetes/daemonset.yaml')], {
    encoding: 'utf8',
  })
  assert.is(stderr, '')
  const set = JSON.parse(stdout)
  assert.equal([set.apiVersion, set.kind], ['apps/v1', 'DaemonSet'])
  hasOnly('daemonSet', set)
  hasOnly('daemonSetSpec', set.spec)
  const { spec, metadata } = set.spec.template
  hasOnly('podSpec', spec)
  // the API server refuses a selector that does not select what the template makes
  assert.equal(metadata.labels, set.spec.selector.matchLabels)
  const containers: readonly Container[] = [...spec.initContainers, ...spec.containers]
  const volumes: readonly string[] = spec.volumes.map(({ name }: { name: string }) => name)
  for (const container of containers) {
    hasOnly('container', container)
    hasOnly('securityContext', container.securityContext)
    for (const mount of container.volumeMounts) {
      hasOnly('mount', mount)
      assert.ok(volumes.includes(mount.name))
    }
  }
  assert.equal(spec.volumes, [{ name: 'bpffs', hostPath: { path: '/sys/fs/bpf', type: 'Directory' } }])
  const [pin, exporter] = containers
  // what the exporter test runs with; a profile that asks for CAP_BPF would refuse it bpf(2)
  assert.equal(exporter!.securityContext.capabilities, { drop: ['ALL'] })
  assert.equal(exporter!.securityContext.seccompProfile, { type: 'Unconfined' })
  const kept = pin!.securityContext.capabilities.add!.map(name => `+${name.toLowerCase()}`).join(',')
  const args = pin!.command
    .slice(2)
    .map(arg => (arg.endsWith('.bpf.o') ? example('syscount/syscount.bpf.o') : arg))
  const run = [
    '--inh-caps=-all',
    `--bounding-set=-all,${kept}`,
    '--no-new-privs',
    ...commandLine(...args, '--root', root),
  ]
  const result = spawnSync('setpriv', run, { encoding: 'utf8' })
  assert.equal([result.status, result.stderr], [0, ''])
  assert.is(bpfpin('unpin', 'syscount', '--root', root).code, 0)
})

test.run()
