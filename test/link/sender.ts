// A process that does what it is told on stdin, `KIND COUNT`, and answers `done`. See network.ts.
import { createSocket, type SocketType } from 'node:dgram'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const addresses: Record<string, string> = { udp4: '127.0.0.1', udp6: '::1' }

console.log('done')
for await (const line of createInterface(process.stdin)) {
  const [kind = '', count] = line.split(' ')
  await send(kind as SocketType, Number(count)) // the tests write no other
  console.log('done')
}

/** Until all have arrived, or a while has passed: a program may have dropped them. */
async function send(kind: SocketType, count: number): Promise<void> {
  const [from, to] = [createSocket(kind), createSocket(kind)]
  to.bind(0, addresses[kind])
  await once(to, 'listening')
  const arrived = new Promise<void>(resolve => {
    let left = count
    to.on('message', () => --left === 0 && resolve())
    setTimeout(resolve, 3000).unref()
  })
  for (let i = 0; i < count; i++) from.send('x', to.address().port, addresses[kind])
  await arrived
  from.close()
  to.close()
}
