// A firewall whose rules are in a pinned map: they outlive this process, its restarts, and upgrades of the program.
//
//   firewall.mjs up OBJECT INTERFACE    installs, finds or upgrades it
//   firewall.mjs block 10.0.0.0/8
//   firewall.mjs unblock 10.0.0.0/8
//   firewall.mjs list
//
// `bpfpin unpin firewall` takes it away.
// BPFPIN_ROOT is the directory on bpffs, /sys/fs/bpf unless it says otherwise.
import { isIPv4 } from 'node:net'
import { openObject, openPinned } from 'bpfpin'

const name = 'firewall'
const root = process.env.BPFPIN_ROOT ?? '/sys/fs/bpf'

const actions = { up, block, unblock, list }
const [action = '', ...args] = process.argv.slice(2)
try {
  if (!Object.hasOwn(actions, action))
    throw new Error(`what to do is one of ${Object.keys(actions).join(', ')}`)
  actions[action](...args)
} catch (error) {
  console.error(`firewall: ${error.message}${error.hint ? `\n  ${error.hint}` : ''}`)
  process.exitCode = 1
}

function up(object, device) {
  if (!object || !device) throw new Error('up wants OBJECT and INTERFACE')
  // both versions are one firewall, whatever their files are called
  const spec = openObject(object, { name, root })
  // generic: on any interface; without it, in the driver where that can
  spec.programs.get('filter').target = { interface: device, mode: 'generic' }
  // rules that this version lays out in another way are carried over, and the link switches from one packet to the next
  using firewall = spec.upgrade({ onMismatch: 'convert' })
  console.log(`${root}/${name}: ${[...firewall.maps.get('rules').keys()].length} rules`)
}

function block(text) {
  using firewall = openPinned(name, { root })
  const rules = firewall.maps.get('rules')
  const key = prefixOf(text)
  // a rule that is there keeps its counters; every counter of a new one, whichever the version has, is 0
  if (!rules.has(key)) rules.set(key, new Uint8Array(rules.valueSize))
}

function unblock(text) {
  using firewall = openPinned(name, { root })
  if (!firewall.maps.get('rules').delete(prefixOf(text))) throw new Error(`there is no rule for ${text}`)
}

function list() {
  using firewall = openPinned(name, { root, readOnly: true })
  for (const [{ length, address }, rule] of firewall.maps.get('rules')) {
    const counters = Object.entries(rule).map(([counter, value]) => `${counter} ${value}`)
    console.log(`${address.join('.')}/${length}  ${counters.join(', ')}`)
  }
}

function prefixOf(text = '') {
  const [address = '', length = '32', ...rest] = text.split('/')
  const isPrefix = isIPv4(address) && /^\d+$/.test(length) && Number(length) <= 32 && rest.length === 0
  if (!isPrefix) throw new Error(`'${text}' is no IPv4 prefix, as in 10.0.0.0/8`)
  return { length: Number(length), address: address.split('.').map(Number) }
}
