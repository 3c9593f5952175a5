// A process of its own that upgrades an object in a network namespace: kernel-families.ts ROOT VERSION CGROUP
import { openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'

const [root = '', version = '', cgroup = ''] = process.argv.slice(2)
const spec = openObject(fixture(`upgrade-kernel-${version}`), { root, name: 'families' })
for (const program of spec.programs) program.autoload = ['on_bind', 'on_primary'].includes(program.name)
spec.programs.get('on_bind').target = { cgroup }
spec.programs.get('on_primary').target = { interface: 'primary' }
spec.upgrade()
