// A process of its own that makes events which it counts, from `go` to `stop`:
//   families-source.ts ROOT LEDGER calls|messages
import { createSocket, type Socket as Datagrams } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { BpfLink, openMap } from '../../src/index.ts'
import { objGet } from '../../src/syscall/index.ts'
import { Ledger } from './ledger.ts'

const [root = '', path = '', what = ''] = process.argv.slice(2)
const directory = `${root}/families`
const ledger = new Ledger(path)
const made = { calls: 0, packets: 0, walks: 0, messages: 0 }
let isStopped = true

/** Calls, datagrams and walks over all tasks. */
async function makeCalls(): Promise<void> {
  const [from, to] = [createSocket('udp4'), createSocket('udp4')]
  let arrived = 0
  to.on('message', () => arrived++)
  to.bind(0, '127.0.0.1')
  await once(to, 'listening')
  for (let round = 1; !isStopped; round++) {
    for (let i = 0; i < 20; i++) {
      ledger.begin('calls')
      process.ppid
      made.calls++
      ledger.end('calls')
    }
    await sendOne(from, to)
    if (round % 10 === 0) walk()
    await setTimeout(1)
  }
  while (arrived < made.packets) await setTimeout(1)
  from.close()
  to.close()
}

async function sendOne(from: Datagrams, to: Datagrams): Promise<void> {
  ledger.begin('packets')
  const arrived = once(to, 'message')
  from.send('x', to.address().port, '127.0.0.1')
  await arrived
  made.packets++
  ledger.end('packets')
}

function walk(): void {
  const fd = objGet(`${directory}/links/on_walk`)
  if (fd < 0) throw new Error(`the pin of a link cannot be opened: ${fd}`)
  using link = new BpfLink({ fd, name: 'on_walk', program: 'on_walk', target: undefined })
  link.read()
  made.walks++
}

/** Messages of one byte through a connection whose ends are in the map. */
async function makeMessages(): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [peer] = (await once(server, 'connection')) as [Socket]
  using sockets = openMap(`${directory}/maps/sockets`)
  // a socket keeps the programs that the map had when it was put in (net/core/sock_map.c: sock_map_link)
  const putIn = (): void => {
    for (const [key, socket] of [client, peer].entries()) {
      const { fd } = (socket as unknown as { _handle: { fd: number } })._handle // node has no other way
      if (made.messages > 0) sockets.delete(key)
      sockets.set(key, new Uint8Array(new Uint32Array([fd]).buffer))
    }
  }
  client.setNoDelay()
  let arrived = 0
  peer.on('data', (bytes: Buffer) => {
    arrived += bytes.length
  })
  while (!isStopped) {
    if (made.messages % 10 === 0) putIn()
    await new Promise(resolve => client.write('x', resolve))
    made.messages++
    while (arrived < made.messages) await setTimeout(1)
  }
  for (const socket of [client, peer]) socket.destroy()
  server.close()
}

console.log('ready')
let run: Promise<void> | undefined
for await (const line of createInterface(process.stdin)) {
  isStopped = line === 'stop'
  if (!isStopped) run = what === 'calls' ? makeCalls() : makeMessages()
  else {
    await run
    console.log(JSON.stringify(made))
  }
}
