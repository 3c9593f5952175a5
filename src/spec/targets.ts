import { BpfError } from '../errors.ts'
import type { LinkOwner } from './link-owner.ts'
import { familyOf, type LinkFamily } from './sections.ts'
import {
  type BinaryTarget,
  type CgroupWalk,
  type InterfaceTarget,
  type IteratorTarget,
  isTarget,
  type NetfilterHook,
  type NetfilterTarget,
  type Order,
  type PerfEventName,
  type PerfEventTarget,
  type ProgramTarget,
  perfEvents,
  type Target,
  type Targets,
  targetKind,
  type XdpMode,
} from './target-forms.ts'

export type * from './target-forms.ts'

/**
 * Reads a target as it is written on a command line: an interface, a cgroup directory, `path:symbol`, ... as the
 * program's kind has it.
 *
 * @throws BpfError `ERR_VALUE` for text that is no target of this program, and says what is.
 *
 * @example parseTarget(program, 'ipv4:local_in:-100') // { netfilter: 'local_in', family: 'ipv4', priority: -100 }
 */
export function parseTarget(spec: LinkOwner, text: string): Target {
  return read(spec, text, `target '${text}'`)
}

/**
 * Where the section name says to attach: `kprobe/do_unlinkat`; `undefined` where it does not say all of it.
 *
 * @throws BpfError `ERR_VALUE` where it says what cannot be.
 */
export function sectionTarget(spec: LinkOwner): Target | undefined {
  const family = familyOf(spec)
  const extra = spec.rule?.extra ?? ''
  // what these name was needed at load: which function to replace, which LSM hook
  if (extra === '' || family === 'freplace' || family === 'lsm_cgroup') return undefined
  return read(spec, extra, `SEC("${spec.section}")`)
}

/** All targets of a program: its own, then those with labels. What its section says is not among them. */
export function targetsOf({ target, targets }: LinkOwner): Target[] {
  return [...(target === undefined ? [] : [target]), ...Object.values(targets)]
}

/**
 * What a program is loaded for, a hook of the kernel or an iterator: as its section names it, or where that names none its
 * first target; empty where neither does.
 */
export function hookToLoad(program: LinkOwner): string {
  const named = program.rule?.extra
  if (named) return named
  const [first] = targetsOf(program)
  if (first && isTarget(first, 'hook')) return first.hook
  return first && isTarget(first, 'iterator') ? first.iterator : ''
}

/** The function of another program that a program is loaded to replace or to trace; `undefined` where it is for the kernel. */
export function functionToLoad(program: LinkOwner): ProgramTarget | undefined {
  // with labels only, the first: the kernel takes others of equal types when a program that replaces is attached
  const [first] = targetsOf(program)
  const isForOne = program.type === 'ext' || program.type === 'tracing'
  return isForOne && first && isTarget(first, 'program') ? first : undefined
}

/** {@link hookToLoad}, with the program where a function of one is traced: as text, to be compared. */
export function placeToLoad(program: LinkOwner): string {
  const traced = program.type === 'tracing' ? functionToLoad(program) : undefined
  if (!traced) return hookToLoad(program)
  return targetText({ ...traced, function: program.rule?.extra || (traced.function ?? '') })
}

function read(spec: LinkOwner, text: string, what: string): Target {
  const family = familyOf(spec)
  const form = family && forms[family]
  if (!form) {
    throw new BpfError(`program '${spec.name}' has no target: its kind is not attached by a link`, {
      code: 'ERR_NO_TARGET',
    })
  }
  const target = form.read(text, spec)
  if (target !== undefined) return target
  throw new BpfError(`program '${spec.name}': ${what}: expected ${form.expected}`, { code: 'ERR_VALUE' })
}

/** How the targets of a family are written. */
interface Form {
  /** As it stands behind "expected". */
  readonly expected: string
  /** `undefined` for text that cannot be understood. */
  read(text: string, spec: LinkOwner): Target | undefined
}

const readHook = (hook: string): Target | undefined => (/^\S+$/.test(hook) ? { hook } : undefined)

const netFamily: Form = { expected: "an interface, as in 'eth0'", read: text => readInterface(text) }
const cgroupForm: Form = {
  expected: "a cgroup directory, as in '/sys/fs/cgroup/web'",
  read: cgroup => (cgroup === '' ? undefined : { cgroup }),
}

/** The formats of section names are those of libbpf (Documentation/bpf/libbpf/program_types.rst). */
const forms: Readonly<Record<LinkFamily, Form | undefined>> = {
  raw_tracepoint: { expected: "the name of a tracepoint, as in 'sys_enter'", read: readHook },
  tracing: {
    expected:
      "the name of a hook, as in 'security_file_open' or 'nf_conntrack:nf_ct_delete', or a function of a program, as in '12:function'",
    // no module has a number for its name
    read: (text, spec) => (/^(\/|\d+(:|$))/.test(text) ? readProgram(text, spec) : readHook(text)),
  },
  tracepoint: {
    expected: "a tracepoint as 'category/name', as in 'sched/sched_switch'",
    read: hook => (/^[^/\s]+\/[^/\s]+$/.test(hook) ? { hook } : undefined),
  },
  kprobe: {
    expected: "a kernel function, as in 'do_unlinkat' or 'do_unlinkat+4'",
    read: readFunction,
  },
  kprobe_multi: {
    expected: "kernel functions, as in 'vfs_*' or 'vfs_read,vfs_write'",
    read: text => (/^[\w.$*?]+(,[\w.$*?]+)*$/.test(text) ? { functions: oneOrMore(text) } : undefined),
  },
  ksyscall: {
    expected: "a system call, as in 'openat'",
    read: syscall => (/^\w+$/.test(syscall) ? { syscall } : undefined),
  },
  uprobe: {
    expected:
      "a place in a program, as in '/bin/bash:readline', 'libc.so.6:malloc+4' or '/bin/bash:0x4710,pid=12'",
    read: readPlace,
  },
  uprobe_multi: {
    expected:
      "functions of a program, as in '/bin/bash:readline', 'libc.so.6:pthread_*,malloc' or '/bin/bash:main,pid=12'",
    read: readPlaces,
  },
  perf_event: {
    expected: "an event, as in 'cpu-clock,frequency=99,cpu=0' or '4:0x1a8,period=1000,pid=12'",
    read: readEvent,
  },
  cgroup: cgroupForm,
  lsm_cgroup: cgroupForm,
  xdp: {
    expected: "an interface, as in 'eth0' or 'eth0,mode=generic' (native, generic, offload)",
    read: readXdp,
  },
  tcx: netFamily,
  netkit: netFamily,
  netns: {
    expected: "the file of a network namespace, as in '/run/netns/blue'",
    read: netns => (netns === '' ? undefined : { netns }),
  },
  netfilter: {
    expected:
      "a hook of netfilter, as in 'ipv4:local_in', 'ipv4:local_in:-100' or 'ipv6:forward:-100,defrag' (pre_routing, local_in, forward, local_out, post_routing)",
    read: readNetfilter,
  },
  sockmap: {
    expected: 'a map: its name in the object, or the absolute path of its pin',
    read: map => (map === '' ? undefined : { map }),
  },
  freplace: {
    expected:
      "a program by its id, pin or name, as in '12:function' or '/sys/fs/bpf/router/programs/main:function'",
    read: readProgram,
  },
  iter: {
    expected:
      "what to walk over, as in 'map=flows', 'pid=12', 'tid=12' or 'cgroup=/sys/fs/cgroup/web,walk=descendants_pre'",
    read: readIterator,
  },
  tracing_multi: undefined,
  usdt: {
    expected:
      "a USDT probe as 'path:provider:name', as in 'libc.so.6:libc:setjmp' or '/usr/bin/python3:python:line,pid=12'",
    read: readProbe,
  },
  struct_ops: undefined,
}

function readFunction(text: string): Target | undefined {
  const match = /^([\w.$:]+)(?:\+(\w+))?$/.exec(text)
  if (!match?.[1]) return undefined
  if (match[2] === undefined) return { function: match[1] }
  const offset = count(match[2])
  return offset === undefined ? undefined : { function: match[1], offset }
}

/** `path:symbol+4`, `path:0x40`; symbols of Go have a `:` in them, paths seldom. */
function readPlace(text: string): Target | undefined {
  const { rest, pid } = withoutPid(text)
  const match = /^([^:]+):(.+)$/.exec(rest)
  if (!match?.[1] || !match[2]) return undefined
  const found = { binary: match[1], ...pid }
  const place = match[2]
  const inFile = count(place)
  if (inFile !== undefined) return { ...found, offset: inFile }
  const plus = /^(.+)\+(\w+)$/.exec(place)
  const offset = plus?.[2] === undefined ? undefined : count(plus[2])
  return offset === undefined ? { ...found, symbol: place } : { ...found, symbol: plus![1]!, offset }
}

function readProbe(text: string): Target | undefined {
  const { rest, pid } = withoutPid(text)
  const [, binary, usdt] = /^([^:]+):([^:]+:[^:]+)$/.exec(rest) ?? []
  return binary === undefined || usdt === undefined ? undefined : { usdt, binary, ...pid }
}

function readPlaces(text: string): Target | undefined {
  const { rest, pid } = withoutPid(text)
  const match = /^([^:]+):(.+)$/.exec(rest)
  if (!match?.[1] || !match[2]) return undefined
  const found = { binary: match[1], ...pid }
  const offsets = match[2].split(',').map(count)
  if (!offsets.includes(undefined)) return { ...found, offset: offsets as number[] } // none is undefined
  return { ...found, symbol: oneOrMore(match[2]) }
}

/** A comma may be part of a path: only the option at the end is looked for. */
function withoutPid(text: string): { readonly rest: string; readonly pid: { readonly pid?: number } } {
  const match = /^(.*),pid=(\d+)$/s.exec(text)
  return match ? { rest: match[1]!, pid: { pid: Number(match[2]) } } : { rest: text, pid: {} }
}

function readEvent(text: string): Target | undefined {
  const [name = '', ...options] = text.split(',')
  const raw = /^([\w-]+):(\w+)$/.exec(name)
  const event = isEventName(name) ? name : raw && { source: numberOr(raw[1]!), config: numberOr(raw[2]!) }
  if (!event) return undefined
  const values: Record<string, number> = {}
  for (const option of options) {
    const [, key, value] = /^(period|frequency|cpu|pid)=(\w+)$/.exec(option) ?? []
    const number = value === undefined ? undefined : count(value)
    if (key === undefined || number === undefined) return undefined
    values[key] = number
  }
  return { event, ...values }
}

function isEventName(name: string): name is PerfEventName {
  return Object.hasOwn(perfEvents, name)
}

function readXdp(text: string): Target | undefined {
  const match = /^(.*),mode=(native|generic|offload)$/.exec(text)
  const target = readInterface(match?.[1] ?? text)
  // the pattern has the modes
  return target && match ? { ...target, mode: match[2] as XdpMode } : target
}

/** No name of an interface has a space, `/` or `:` in it (net/core/dev.c: dev_valid_name). */
function readInterface(text: string): InterfaceTarget | undefined {
  if (!/^[^\s/:,]+$/.test(text)) return undefined
  return { interface: /^\d+$/.test(text) ? Number(text) : text }
}

const netfilterPattern =
  /^(ipv4|ipv6):(pre_routing|local_in|forward|local_out|post_routing)(?::(-?\d+))?(,defrag)?$/

function readNetfilter(text: string): NetfilterTarget | undefined {
  const [, family, hook, priority, defrag] = netfilterPattern.exec(text) ?? []
  if (family === undefined) return undefined
  return {
    // the pattern has the hooks and families
    netfilter: hook as NetfilterHook,
    family: family as 'ipv4' | 'ipv6',
    ...(priority === undefined ? {} : { priority: Number(priority) }),
    ...(defrag === undefined ? {} : { defrag: true }),
  }
}

/** Pins have a `:` for each dot of a name, so that only a section without a function leaves it to the text. */
function readProgram(text: string, { rule }: LinkOwner): Target | undefined {
  const match = rule?.extra ? undefined : /^(.+):(\w+)$/.exec(text)
  const program = numberOr(match?.[1] ?? text)
  if (typeof program === 'string' && !/^(\/|\w+$)/.test(program)) return undefined
  return { program, ...(match ? { function: match[2]! } : {}) }
}

function readIterator(text: string, { rule }: LinkOwner): Target | undefined {
  const parts = text.split(',')
  const iterator = rule?.extra || (parts[0] ?? '')
  if (parts[0] === iterator) parts.shift()
  if (!/^\w+$/.test(iterator)) return undefined
  let target: IteratorTarget = { iterator }
  for (const part of parts) {
    const [, key, value = ''] = /^(map|cgroup|walk|pid|tid)=(.+)$/.exec(part) ?? []
    const number = count(value)
    if (key === 'map' || key === 'cgroup') target = { ...target, [key]: value }
    else if (key === 'walk' && isWalk(value)) target = { ...target, walk: value }
    else if ((key === 'pid' || key === 'tid') && number !== undefined) target = { ...target, [key]: number }
    else return undefined
  }
  return target
}

function isWalk(text: string): text is CgroupWalk {
  return ['self_only', 'descendants_pre', 'descendants_post', 'ancestors_up'].includes(text)
}

function oneOrMore(text: string): string | string[] {
  return text.includes(',') ? text.split(',') : text
}

/** A number of bytes, or an id: decimal or with `0x`. */
function count(text: string): number | undefined {
  return /^(0x[\da-f]+|\d+)$/i.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined
}

function numberOr(text: string): number | string {
  return count(text) ?? text
}

/** A target as a person says it: as {@link parseTarget} reads it, but for what that has no words for. */
export function targetText(target: Target): string {
  const kind = targetKind(target)
  // the writer of a kind takes the targets of that kind
  const write = kind && (writers[kind] as (target: Target) => string)
  return write ? write(target) : JSON.stringify(target)
}

type Writers = { readonly [K in keyof Targets]: (target: Targets[K]) => string }

const writers: Writers = {
  hook: ({ hook }) => hook,
  function: target => `${target.function}${target.offset ? `+${hex(target.offset)}` : ''}`,
  functions: ({ functions }) => list(functions),
  syscall: ({ syscall }) => syscall,
  usdt: ({ usdt, binary, pid }) => `${binary}:${usdt}${option('pid', pid)}`,
  binary: writeBinary,
  event: writeEvent,
  cgroup: ({ cgroup, preorder, ...order }) =>
    `${cgroup}${preorder ? ' in preorder' : ''}${writeOrder(order)}`,
  interface: ({ mode, ...target }) => `${target.interface}${option('mode', mode)}${writeOrder(target)}`,
  netns: ({ netns }) => netns,
  netfilter: ({ netfilter, family, priority, defrag }) =>
    `${family}:${netfilter}${priority === undefined ? '' : `:${priority}`}${defrag ? ',defrag' : ''}`,
  map: ({ map }) => map,
  program: target => `${target.program}${target.function === undefined ? '' : `:${target.function}`}`,
  structOps: ({ structOps, name }) => `${structOps}${name === undefined ? '' : ` ${name}`}`,
  iterator: ({ iterator, map, tid, pid, cgroup, walk }) =>
    [
      iterator,
      option('map', map),
      option('tid', tid),
      option('pid', pid),
      option('cgroup', cgroup),
      option('walk', walk),
    ].join(''),
}

function writeBinary({ binary, symbol, offset, pid }: BinaryTarget): string {
  const offsets = typeof offset === 'number' ? hex(offset) : offset?.map(hex).join(',')
  const place = [symbol === undefined ? [] : list(symbol), offsets ?? []].flat().join('+')
  return `${binary}:${place}${option('pid', pid)}`
}

function writeEvent({ event, period, frequency, cpu, pid }: PerfEventTarget): string {
  const name = typeof event === 'string' ? event : `${event.source}:${hex(event.config)}`
  return [
    name,
    option('period', period),
    option('frequency', frequency),
    option('cpu', cpu),
    option('pid', pid),
  ].join('')
}

function writeOrder({ before, after }: Order): string {
  const words = before === undefined ? 'after' : 'before'
  const anchor = before ?? after
  if (anchor === undefined) return ''
  if (anchor === 'all') return ` ${words} all others`
  return ` ${words} ${'link' in anchor ? `link ${anchor.link}` : `program ${anchor.program}`}`
}

function option(name: string, value: string | number | undefined): string {
  return value === undefined ? '' : `,${name}=${value}`
}

function list(value: string | readonly string[]): string {
  return typeof value === 'string' ? value : value.join(',')
}

function hex(value: number | string): string {
  return typeof value === 'string' ? value : `0x${value.toString(16)}`
}
