// A process that does what it is told on stdin, `COUNT` or `COUNT ADDRESS`, and answers `done`. See network.ts.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

console.log('done')
for await (const line of createInterface(process.stdin)) {
  const [count, address] = line.split(' ')
  await (address === undefined ? sendHere(Number(count)) : sendAway(Number(count), address))
  console.log('done')
}

/** Until all have arrived, or a while has passed: a program may have dropped them. */
async function sendHere(count: number): Promise<void> {
  const [from, to] = [createSocket('udp4'), createSocket('udp4')]
  to.bind(0, '127.0.0.1')
  await once(to, 'listening')
  const arrived = new Promise<void>(resolve => {
    let left = count
    to.on('message', () => --left === 0 && resolve())
    setTimeout(resolve, 3000).unref()
  })
  for (let i = 0; i < count; i++) from.send('x', to.address().port, '127.0.0.1')
  await arrived
  from.close()
  to.close()
}

async function sendAway(count: number, address: string): Promise<void> {
  const socket = createSocket('udp4')
  for (let i = 0; i < count; i++) await new Promise(resolve => socket.send('x', 9, address, resolve))
  socket.close()
}
