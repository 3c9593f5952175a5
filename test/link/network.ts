import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'

const sender = new URL('./sender.ts', import.meta.url).pathname

/** A network namespace with nothing but `lo` in it, and a process there that sends. */
export class Network {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>

  static async make(): Promise<Network> {
    const network = new Network()
    await network.#answer()
    return network
  }

  private constructor() {
    // packets are given to CPUs by a hash of what the flow dissector finds in them
    const start = `
      ip link set lo up
      mount -t sysfs sysfs /sys
      echo 3 > /sys/class/net/lo/queues/rx-0/rps_cpus
      exec "$@"`
    const node = [process.execPath, ...process.execArgv, sender]
    this.#process = spawn('unshare', ['--net', '--mount', 'sh', '-c', start, 'sh', ...node], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
  }

  /** The file that stands for the namespace. */
  get path(): string {
    return `/proc/${this.#process.pid}/ns/net`
  }

  /** Runs a command there; what it printed. */
  run(...command: string[]): string {
    return execFileSync('nsenter', [`--net=${this.path}`, ...command], { encoding: 'utf8' })
  }

  /** Makes a pair of interfaces: `name` here, with `address`/24, and its peer there. */
  connect(name: string, address: string): void {
    const peer = `${name}p`
    const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' })
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', peer, 'netns', String(this.#process.pid))
    ip('address', 'add', `${address}/24`, 'dev', name)
    ip('link', 'set', name, 'up')
    this.run('ip', 'address', 'add', `${address.replace(/\d+$/, '99')}/24`, 'dev', peer)
    this.run('ip', 'link', 'set', peer, 'up')
  }

  /** Sends datagrams to a socket there, which receives them; with an address to nobody. */
  async send(count: number, address?: string): Promise<void> {
    this.#process.stdin.write(`${count}${address === undefined ? '' : ` ${address}`}\n`)
    await this.#answer()
  }

  async close(): Promise<void> {
    this.#process.kill()
    await once(this.#process, 'exit')
  }

  async #answer(): Promise<void> {
    const [answer] = await once(this.#process.stdout, 'data')
    if (String(answer).trim() !== 'done') throw new Error(`the sender said ${answer}`)
  }
}
