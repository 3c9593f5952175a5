// A worker that reads the events of a pinned object and sends them on.
import { parentPort, workerData } from 'node:worker_threads'
import { openPinned } from '../../src/index.ts'

const object = openPinned(workerData)
const reader = object.maps.get('events').events({ type: 'event' })
void reader.each(event => parentPort?.postMessage(event))
parentPort?.once('message', () => object.close())
parentPort?.postMessage('ready')
