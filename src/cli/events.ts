import { BpfError } from '../errors.ts'
import type { BpfMap, EventReader } from '../map/index.ts'
import { type Command, exitCodes, type Request } from './command.ts'
import { UsageError } from './command-line.ts'
import { listenForEnd } from './ending.ts'
import { type EventSource, openSource } from './event-source.ts'
import { printEvents } from './event-stream.ts'
import { ownerOption } from './owner.ts'

export const events: Command = {
  options: {
    type: { value: 'TYPE', text: 'the struct that each record is, default the value type of the map' },
    limit: { value: 'N', text: 'end after so many records' },
    'since-now': { text: 'throw away what was written before' },
    ...ownerOption,
  },
  details: [
    'Prints each record that programs write to MAP of an object, a ring buffer or a perf buffer, one a line and as it comes,',
    'until interrupted. MAP need not be named where the object has one buffer. The path of a pinned map goes as well:',
    'counter/maps/events, or that of a map that others pinned, whose records are bytes.',
    '',
    'Reading takes a record out: what is printed here no other process gets, and a program that reads the buffer is told that',
    'it is not alone. Records that were not printed are left for the next reader.',
    '',
    'A buffer does not say what is in it, so TYPE is a struct of the object: --type event. A map that is defined with',
    '__type(value, struct event) says it by itself. Without either, records are printed as bytes. After an upgrade, what is',
    'left in the old buffer comes first, and then what is written to the new one.',
    '',
    'The last line, on stderr, is how many records were read, and of a perf buffer how many were lost because they came',
    'faster than they were read. How many a full ring buffer refused only its programs know.',
    '',
    'With --json: one record a line, as dump prints values. SIGINT, SIGTERM and a reader that closes the pipe end it with',
    'exit code 0.',
  ].join('\n'),
  advice: {
    ENOENT: 'bpfpin ls shows what is pinned; --root says where a path that does not start with / begins',
    ERR_UNKNOWN_NAME: 'bpfpin ls shows the maps of each object',
    ERR_VALUE: 'without --type, records are printed as they are, as bytes',
    ERR_IN_USE: 'a buffer has one reader, as each record is read once: end the other',
  },
  purpose: operand => `read the events of '${operand}'`,
  async run(request, output) {
    const limit = readLimit(request)
    // heard from the beginning, so that nothing is left open
    using ending = listenForEnd()
    using source = openSource(request, output)
    const { map } = source
    const type = typeOf(request, map)
    using reader = map.events<unknown>({ ...(type === undefined ? {} : { type }), signal: ending.signal })
    if (type === undefined) output.note(`records of '${map.name}' are bytes here: ${whyBytes(source)}`)
    if (request.options['since-now'] === true) discard(reader)
    if (output.width !== undefined) output.note(`waiting for records of '${map.name}'; Ctrl-C ends it`)
    const wasEnded = await printEvents(reader, limit, output)
    if (!wasEnded && !ending.signal.aborted) throw gone(source)
    return exitCodes.done
  },
}

function readLimit({ options: { limit } }: Request): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY
  const count = Number(limit)
  if (/^\d+$/.test(String(limit)) && count > 0 && Number.isSafeInteger(count)) return count
  const problem = `option '--limit' takes a number of records from 1 on, not '${limit}'`
  throw new UsageError(`events: ${problem}`, 'events --help')
}

/** What `--type` says, else the map's definition. A value of 4 bytes is a descriptor, which perf buffers are defined with. */
function typeOf({ options: { type } }: Request, { types }: BpfMap): string | undefined {
  if (type !== undefined) return String(type)
  if (!types?.value) return undefined
  const { kind } = types.btf.resolve(types.value)
  return kind === 'struct' || kind === 'union' ? types.btf.nameOf(types.value) || undefined : undefined
}

function whyBytes({ object }: EventSource): string {
  if (!object) return 'types are known of objects that bpfpin pinned'
  return '--type names the struct that they are'
}

/** What is there now, and not what comes while it is thrown away. */
function discard(reader: EventReader<unknown>): void {
  // each record has a header of 8 bytes or more
  const header = 8
  let left = reader.pending
  const count = (_bytes: Uint8Array, _offset: number, length: number): void => {
    left -= header + length
  }
  const some = 64
  while (left > 0 && reader.takeRaw(count, some) > 0);
}

/** The reader ended by itself, with the map. */
function gone({ object, map }: EventSource): BpfError {
  const where = object
    ? `generation ${object.generation} of '${object.name}' has no such map`
    : 'it was closed'
  return new BpfError(`map '${map.name}' is gone: ${where}`, { code: 'ERR_CLOSED' })
}
