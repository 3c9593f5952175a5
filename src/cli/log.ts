import { openPinned } from '../api/open-pinned.ts'
import type { PinnedObject } from '../api/pinned-object.ts'
import { TracePipe } from '../object/trace-pipe.ts'
import { type Command, exitCodes, type Request } from './command.ts'
import { UsageError } from './command-line.ts'
import { toJsonLine } from './json.ts'
import { LineReader } from './line-reader.ts'
import type { Output } from './output.ts'
import { objectPlace } from './place.ts'
import { untilEnd } from './until-end.ts'

export const log: Command = {
  options: {
    program: {
      value: 'PROGRAM',
      isRepeatable: true,
      text: 'only of this program of the object; may be repeated',
    },
    trace: { text: 'also what bpf_printk writes, by whatever program, where an object is named' },
    once: { text: 'print what is there and end, in place of waiting for more' },
  },
  details: [
    'Without a name: what bpf_printk() of all programs writes into the trace pipe, until interrupted. The kernel does not',
    'say which program it was, so this cannot be one object only. Each message is for one reader: what is shown here',
    'does not reach another.',
    '',
    'With a name: the streams of its programs (Linux 6.17), stdout, into which bpf_stream_printk() writes, and stderr, where',
    'the kernel says why it stopped a program. A new generation of the object is followed.',
    '',
    'With --json: one document a line: {source: "trace", task, pid, cpu, time, text}, or {source: "stdout" or "stderr",',
    'program, text}; {source: "trace", lost, cpu} where the pipe ran over. SIGINT and SIGTERM end it with exit code 0.',
  ].join('\n'),
  purpose: operand => (operand === '' ? 'read the trace pipe' : `show what '${operand}' says`),
  async run(request, output) {
    const { operands, options, repeated, root } = request
    const [operand] = operands
    if (operand === undefined && (repeated.program || options.trace)) {
      throw new UsageError('log: --program and --trace go with the name of an object', 'log --help')
    }
    const place = operand === undefined ? undefined : objectPlace(operand, root)
    using object =
      place && openPinned(place.name, { root: place.root, readOnly: true, follow: true, owner: 'any' })
    using pipe = !object || options.trace ? TracePipe.open() : undefined
    const streams = object && new Streams(object, request, output)
    const look = (): void => {
      if (pipe) printTrace(pipe, output)
      streams?.print()
    }
    if (options.once === true) look()
    else await untilEnd(pollMs, look)
    return exitCodes.done
  },
}

/** Neither the pipe nor a stream wakes a reader in a way that node can wait for. */
const pollMs = 100

function printTrace(pipe: TracePipe, { json, paint, print, note }: Output): void {
  const lines: string[] = []
  for (const message of pipe.read()) {
    if (message.kind === 'lost') {
      const { cpu, events } = message
      if (json) lines.push(toJsonLine({ source: 'trace', lost: events, cpu }))
      else note(`${events} messages of CPU ${cpu} were lost: they came faster than they were read`)
      continue
    }
    const { task, pid, cpu, time, text } = message
    if (json) lines.push(toJsonLine({ source: 'trace', task, pid, cpu, time, text }))
    else lines.push(`${paint('dim', `${time.toFixed(6)} ${task}-${pid}`)}  ${paint('reset', text)}`)
  }
  print(lines)
}

/** The streams of an object's programs, line by line. */
class Streams {
  readonly #object: PinnedObject
  readonly #wanted: readonly string[] | undefined
  readonly #output: Output
  readonly #lines = new Map<string, LineReader>()

  /** @throws BpfError `ERR_UNKNOWN_NAME` for a program that the object does not have. */
  constructor(object: PinnedObject, { repeated: { program: wanted } }: Request, output: Output) {
    this.#object = object
    this.#wanted = wanted
    this.#output = output
    for (const name of wanted ?? []) object.programs.get(name)
    object.on('error', error => output.note(error.message))
    object.on('unpinned', () => output.note(`${object.name} was unpinned`))
    object.on('generation', generation => output.note(`generation ${generation} of ${object.name} begins`))
  }

  print(): void {
    const { json, paint, print } = this.#output
    const lines: string[] = []
    for (const program of this.#object.programs) {
      if (this.#wanted && !this.#wanted.includes(program.name)) continue
      for (const source of ['stdout', 'stderr'] as const) {
        const key = `${source} ${program.name}`
        const reader = this.#lines.get(key) ?? new LineReader()
        this.#lines.set(key, reader)
        for (const text of reader.take(program.readStream(source))) {
          const head = `${program.name} ${source}`
          if (json) lines.push(toJsonLine({ source, program: program.name, text }))
          else lines.push(`${paint(source === 'stderr' ? 'red' : 'dim', head)}  ${paint('reset', text)}`)
        }
      }
    }
    print(lines)
  }
}
