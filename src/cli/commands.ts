import type { Command, Operand } from './command.ts'

/** A command as the list has it: what the general help shows. The rest is loaded when somebody wants the command itself. */
export interface Listed {
  readonly summary: string
  readonly operands: readonly Operand[]
  load(): Promise<Command>
}

/** Every command by its name. */
export const commands: Readonly<Record<string, Listed>> = {
  pin: {
    summary: 'load, attach and pin an object, find it pinned, or upgrade what is pinned to it',
    operands: [{ name: 'OBJECT' }],
    load: async () => (await import('./pin.ts')).pin,
  },
  plan: {
    summary: 'say what an upgrade would do; changes nothing',
    operands: [{ name: 'OBJECT' }],
    load: async () => (await import('./plan.ts')).plan,
  },
  rollback: {
    summary: 'put the version that an upgrade kept in the place of the current one',
    operands: [{ name: 'NAME|PATH' }],
    load: async () => (await import('./rollback.ts')).rollback,
  },
  unpin: {
    summary: 'detach an object and remove its pins',
    operands: [{ name: 'NAME|PATH' }],
    load: async () => (await import('./unpin.ts')).unpin,
  },
  ls: {
    summary: 'list what is pinned',
    operands: [{ name: 'NAME|PATH', isOptional: true }],
    load: async () => (await import('./ls.ts')).ls,
  },
  inspect: {
    summary: 'show what is in an object file; needs no kernel',
    operands: [{ name: 'OBJECT' }],
    load: async () => (await import('./inspect.ts')).inspect,
  },
  gen: {
    summary: 'write a typed module that has the object in it; needs no kernel',
    operands: [{ name: 'OBJECT' }],
    load: async () => (await import('./gen.ts')).gen,
  },
  'build-tool': {
    summary: 'make one file of a tool, which runs with nothing beside it',
    operands: [{ name: 'ENTRY' }],
    load: async () => (await import('./build-tool.ts')).buildToolCommand,
  },
  set: {
    summary: 'set variables or a map entry of a pinned object',
    operands: [{ name: 'NAME|PATH' }, { name: 'VARIABLE=VALUE | MAP KEY VALUE', isRepeatable: true }],
    load: async () => (await import('./set.ts')).set,
  },
  dump: {
    summary: 'print the contents of a pinned map, decoded by its types',
    operands: [{ name: 'MAP-PATH' }],
    load: async () => (await import('./dump.ts')).dump,
  },
  events: {
    summary: 'stream the records of a pinned ring buffer or perf buffer, decoded by their type',
    operands: [{ name: 'NAME|PATH' }, { name: 'MAP', isOptional: true }],
    load: async () => (await import('./events.ts')).events,
  },
  log: {
    summary: 'show what programs say: bpf_printk, and the streams of the programs of an object',
    operands: [{ name: 'NAME|PATH', isOptional: true }],
    load: async () => (await import('./log.ts')).log,
  },
  doctor: {
    summary: 'say what this system lacks for BPF, what that stops, and what mends it',
    operands: [],
    load: async () => (await import('./doctor.ts')).doctor,
  },
  completion: {
    summary: 'print a script by which a shell completes command lines',
    operands: [{ name: 'SHELL' }],
    load: async () => (await import('./completion.ts')).completion,
  },
}
