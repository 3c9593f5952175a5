import { readFileSync } from 'node:fs'
import type { ObjectSpec } from '../api/object-spec.ts'
import { openObject } from '../api/open-object.ts'
import type { Layout } from '../plan/layout.ts'
import { applyAttachments, readAttachments } from './attachments.ts'
import type { Option, Request } from './command.ts'
import { UsageError } from './command-line.ts'
import { applyWanted, programOptions } from './optional-programs.ts'

/** Of commands that open an object as it is to be pinned. */
export const objectOptions: Readonly<Record<string, Option>> = {
  name: { value: 'NAME', text: "the object's name on bpffs, default its file name less .bpf.o or .o" },
  attach: {
    ...{ value: 'PROGRAM=TARGET', isRepeatable: true },
    text: 'where to attach a program whose section name does not say; may be repeated',
  },
  ...programOptions,
  'no-attach': { text: 'attach nothing, but what --attach says' },
  kconfig: {
    value: 'FILE',
    text: "values of the kernel's configuration (CONFIG_NAME=value) that count more than its own",
  },
  layout: {
    value: 'libbpf',
    words: ['libbpf', 'object'],
    text: 'pin maps marked LIBBPF_PIN_BY_NAME at <root>/<map>, shared with programs on libbpf',
  },
}

/**
 * Opens the object that a command names first, with its name, its place and its targets as the options say.
 *
 * @throws UsageError, ElfError, BtfError
 */
export function openRequested(command: string, { operands, options, repeated, root }: Request): ObjectSpec {
  const layout = readLayout(command, options.layout)
  const attachments = readAttachments(command, repeated.attach ?? [])
  const { name, btf, kconfig, token } = options
  const spec = openObject(operands[0] ?? '', {
    ...{ root, layout },
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof btf === 'string' ? { btf } : {}),
    ...(typeof kconfig === 'string' ? { kconfig: readConfiguration(command, kconfig) } : {}),
    ...(typeof token === 'string' ? { token } : {}),
  })
  applyWanted(command, spec, {
    load: repeated.load ?? [],
    leaveOut: repeated['leave-out'] ?? [],
    // two files are compared whatever is pinned
    root: options.against === undefined ? root : undefined,
  })
  if (options['no-attach']) for (const program of spec.programs) program.autoattach = false
  applyAttachments(command, spec.programs, attachments)
  return spec
}

/** @throws UsageError */
export function readLayout(command: string, text: string | true | undefined): Layout {
  if (text === undefined) return 'object'
  if (text === 'libbpf' || text === 'object') return text
  throw new UsageError(
    `${command}: option '--layout' takes libbpf, or object, which is the default, not '${text}'`,
    `${command} --help`,
  )
}

/** @throws UsageError */
function readConfiguration(command: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = (cause as Error).message // what Node's fs throws
    throw new UsageError(
      `${command}: option '--kconfig' takes a file of CONFIG_NAME=value: ${reason}`,
      `${command} --help`,
    )
  }
}
