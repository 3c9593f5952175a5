import { statSync } from 'node:fs'
import { buildTool } from '../esbuild/build-tool.ts'
import type { Arch, Libc } from '../esbuild/index.ts'
import { type Command, exitCodes } from './command.ts'
import { UsageError } from './command-line.ts'

export const buildToolCommand: Command = {
  options: {
    output: {
      value: 'FILE',
      short: 'o',
      text: 'where to: .mjs for a module, any other name for a CommonJS script',
    },
    sea: { text: 'make a program that has node in it, for where none is installed; about 100 MB' },
    node: { value: 'FILE', text: 'with --sea: the node that is to be in it, default the one that runs this' },
    arch: { value: 'ARCH', isRepeatable: true, text: 'x64 or arm64; may be repeated; default this machine' },
    libc: {
      value: 'LIBC',
      isRepeatable: true,
      text: 'glibc or musl (Alpine); may be repeated; default glibc',
    },
  },
  details: [
    'Bundles ENTRY, a module in TypeScript or JavaScript, by the esbuild that the project has, with the plugin of',
    "bpfpin/esbuild: objects that it imports (import { openCounter } from './counter.bpf.o') and koffi's native part",
    'are in FILE. It can be copied to any system with node 20 or later, and needs no node_modules there; with --sea',
    'no node either. CommonJS, and so a program, has no await at the top of a module.',
    '',
    'With --json: {path, size, warnings}.',
  ].join('\n'),
  purpose: operand => `make a tool of '${operand}'`,
  async run({ operands: [entry = ''], options, repeated }, output) {
    const { output: path, sea, node } = options
    if (typeof path !== 'string') throw usage("option '--output' is missing")
    if (path.endsWith('/') || isDirectory(path))
      throw usage(`option '--output' takes a file, and '${path}' is a directory`)
    if (node !== undefined && !sea) throw usage("option '--node' is for '--sea'")
    if (sea && (repeated.arch || repeated.libc)) {
      throw usage(
        "a program is for the machine that its node is for: '--arch' and '--libc' say nothing with '--sea'",
      )
    }
    const { arch, libc } = repeated
    const tool = await buildTool(entry, path, {
      // what they are is checked where they are used
      ...(arch ? { arch: arch as readonly Arch[] } : {}),
      ...(libc ? { libc: libc as readonly Libc[] } : {}),
      ...(sea ? { sea: { node: typeof node === 'string' ? node : process.execPath } } : {}),
    })
    for (const warning of tool.warnings) output.note(warning)
    if (output.json) output.document(tool)
    else output.print([`${path}: ${(tool.size / 1024).toFixed(0)} KB`])
    return exitCodes.done
  },
}

function usage(problem: string): UsageError {
  return new UsageError(`build-tool: ${problem}`, 'build-tool --help')
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
