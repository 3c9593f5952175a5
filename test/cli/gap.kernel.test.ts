import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fixture } from '../fixtures.ts'
import { Network } from '../link/network.ts'
import { needs } from '../requirements.ts'
import { commandLine } from './bpfpin.ts'
import { inProcess } from './in-process.ts'
import { everything, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root', 'unshare', 'nsenter', 'linux 6.6')
let network: Network

test.before(async () => {
  if (process.getuid?.() === 0) network = await Network.make()
})
test.after(async () => {
  await network?.close()
})
test.after.each(unpinAll)

/** Runs the tool there where the interface is. */
function inNetwork(...args: string[]): { code: number; stdout: string; stderr: string } {
  const command = ['nsenter', `--net=${network.path}`, ...commandLine(...args)]
  const { status, stdout, stderr } = spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' })
  return { code: status ?? -1, stdout, stderr }
}

onKernel('a link that would lose events goes on only with --allow-gap, and plan says so before', async () => {
  const args = [fixture('links'), '--root', root, '--no-attach']
  assert.is(inNetwork('pin', ...args, '--attach', 'on_xdp=lo').code, 0)
  const before = everything()
  // an interface has one XDP program: in another mode it is another attachment in the same place
  const generic = [...args, '--attach', 'on_xdp=lo,mode=generic']
  const planned = inNetwork('plan', ...generic, '--json')
  assert.is(planned.code, 3, planned.stderr)
  const [link] = JSON.parse(planned.stdout).links
  assert.equal([link.name, link.action], ['on_xdp', 'gap'])
  assert.match(link.promise, 'events in between run none')
  const refused = inNetwork('pin', ...generic)
  assert.equal([refused.code, refused.stdout], [3, ''])
  assert.match(refused.stderr, "would lose events: link 'on_xdp' must go before")
  assert.match(refused.stderr, `bpfpin pin ${generic.join(' ')} --allow-gap\n`)
  assert.equal(everything(), before)
  assert.is(inNetwork('plan', ...generic, '--allow-gap').code, 0)
  const { done, upgrade } = JSON.parse(inNetwork('pin', ...generic, '--allow-gap', '--json').stdout)
  assert.equal([done, upgrade.links], ['upgraded', [{ name: 'on_xdp', action: 'gap' }]])
  const { stdout } = await inProcess('ls', 'links', '--root', root)
  assert.match(stdout, / on_xdp +xdp .* on lo,mode=generic/)
})

test.run()
