// A process that reads the events of a pinned object: DIRECTORY MODE. It says `ready`, and what it read as JSON, one a line.
import { writeSync } from 'node:fs'
import { openPinned } from '../../src/index.ts'
import type { Event } from './events.ts'

const [directory = '', mode] = process.argv.slice(2)
const object = openPinned(directory)
const reader = object.maps.get('events').events<Event>({ type: 'event' })
const say = (text: unknown): void => void writeSync(1, `${JSON.stringify(text)}\n`)
if (mode === 'unref') reader.unref()
void reader.each(({ number }) => {
  say(Number(number))
  // what remains is an idle reader
  if (mode === 'until-0' && number === 0n) reader.unref()
})
say('ready')
