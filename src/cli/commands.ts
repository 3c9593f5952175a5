import type { Command } from './command.ts'

/** Every command by its name; what it needs is loaded when it is run. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  pin: async () => (await import('./pin.ts')).pin,
  plan: async () => (await import('./plan.ts')).plan,
  rollback: async () => (await import('./rollback.ts')).rollback,
  unpin: async () => (await import('./unpin.ts')).unpin,
  ls: async () => (await import('./ls.ts')).ls,
  inspect: async () => (await import('./inspect.ts')).inspect,
  gen: async () => (await import('./gen.ts')).gen,
  'build-tool': async () => (await import('./build-tool.ts')).buildToolCommand,
  set: async () => (await import('./set.ts')).set,
  dump: async () => (await import('./dump.ts')).dump,
  events: async () => (await import('./events.ts')).events,
  log: async () => (await import('./log.ts')).log,
  doctor: async () => (await import('./doctor.ts')).doctor,
  completion: async () => (await import('./completion.ts')).completion,
}
