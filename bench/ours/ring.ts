import { type BpfObject, type EventReader, openObject } from '../../src/index.ts'
import { type Given, type Operation, type Outcome, timed } from './operation.ts'

interface Event {
  readonly sequence: bigint
}

/** A ring buffer is filled by a program that is run once, and then read to its end; only reading is measured. */
export const ring: Readonly<Record<string, Operation>> = {
  'ring-raw': given => read(given, takeRaw),
  'ring-decoded': given => read(given, take),
}

let opened: { readonly file: string; readonly object: BpfObject; readonly reader: EventReader } | undefined

function read({ file }: Given, work: (reader: EventReader) => string): Outcome {
  if (opened?.file !== file) {
    const object = openObject(file).load()
    opened = { file, object, reader: object.maps.get('records').events({ type: 'record' }) }
  }
  const { object, reader } = opened
  const { returnValue } = object.programs.get('produce').run()
  const [taken, sum] = timed(() => work(reader))
  return [taken, `${returnValue}:${sum}`]
}

function take(reader: EventReader): string {
  let sum = 0
  const count = reader.take(event => {
    // the record's type, as bench/objects.ts has it
    const { sequence } = event as unknown as Event
    sum += Number(sequence)
  })
  return `${count}:${sum}`
}

function takeRaw(reader: EventReader): string {
  let sum = 0
  const count = reader.takeRaw((bytes, offset) => {
    sum += bytes[offset]! + bytes[offset + 1]! * 0x100 + bytes[offset + 2]! * 0x1_0000
  })
  return `${count}:${sum}`
}
