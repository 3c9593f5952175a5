// Which test files run: all of them here, and in a virtual machine the ones that need a kernel.
import { readdirSync } from 'node:fs'
import { relative, resolve } from 'node:path'

/** Kernel tests that do not run in the machines, `*` for any text, and why. */
const onlyHere = {
  'cli/*': 'what the library makes the kernel do, again, by dozens of processes that are slow to start',
  'examples/*': 'scripts and units that use the library as people do, by processes that are slow to start',
  'api/follow-faults.*': 'the test, not the kernel, fails each call in turn',
  'api/options.*': 'what the library makes of arguments; the kernel is asked nothing',
  'api/forgotten.*': 'how V8 collects what is used no more, by processes that are slow to start',
  'api/inherited.*': 'what the library tells the kernel of descriptors, which is as old as the oldest',
  'api/pairs.*':
    'the entries of fifty objects are copied the same way, and bpftool takes minutes to show them',
  'api/upgrade-state.*':
    'its load leaves an emulator no time to upgrade; pin/sweep carries on there what was written meanwhile',
  'api/upgrade-options.*':
    'what the library makes of options; the kernel is asked nothing that other tests do not ask',
  'api/privileges.*': 'what each capability permits, by processes that are slow to start',
  'api/upgrade-many.*': 'how much memory the library takes, with a million entries',
  'pin/copy-many.*': 'how much memory the library takes, with many entries',
  'pin/concurrency.*': 'eight processes at once, of which an emulator runs one after another',
  'pin/sweep-load.*': 'its load leaves an emulator no time to sweep: three minutes for one run',
  'pin/list.*': 'what the library lists meanwhile, by processes that are slow to start',
  'pin/intruder.*': 'what another user may do on bpffs, by processes that are slow to start',
  'pin/hostile*': 'what the library makes of paths, names and mounts, which bpffs has alike on every kernel',
  'api/same.*': 'what the library compares; the kernel is asked nothing that other tests do not ask',
  'object/kernel-types-unmapped.*':
    'what the library does where a call fails that no kernel of a machine can do',
  'sequences/*': 'what users call in processes of their own, which are slow to start',
  'soak/*': 'eight processes at once, of which an emulator runs one after another',
  'selftests/others-bugs.*': 'what the library does not do on any kernel',
  'pin/deep-root.*': 'several processes at once, of which an emulator runs one after another',
  'pin/families.*':
    'its sources of events leave an emulator no time to upgrade; pin/kernel-families and pin/readers upgrade there',
  'link/faults.*': 'the test, not the kernel, fails each call in turn',
  'link/usdt-claims.*': 'what processes make of one map, by a process that is slow to start',
  'link/usdt-parts.*': 'has this kernel look like the oldest, where link/usdt meets what that needs',
  'pin/*killed*': 'its steps are the same on every kernel, and there are hundreds of them',
  'pin/kept-outside.*': 'what the library removes; the kernel is asked nothing that other tests do not ask',
  'pin/removed-by-hand.*': 'what the library makes of pins that are not there, with an upgrade for each',
  'pin/planned.*':
    'what the library says that it will do; the kernel is asked nothing that other tests do not ask',
  'pin/gap.*': 'what the library makes of links, which pin/kernel-families switches on each kernel',
  'pin/manifest-size.*': 'what the library reads; the kernel is asked nothing that other tests do not ask',
  'pin/*faults*':
    'the test, not the kernel, fails each call in turn, for which all is loaded hundreds of times',
  'map/ring-buffer-processes.*':
    'what readers in several processes see, which are slow to start; map/ring-buffer reads on each kernel',
  'codegen/*': 'what the library compares; the kernel is asked nothing that other tests do not ask',
  'docs/events.*': 'what a page says; map/ring-buffer and its like read on each kernel',
  'map/waiting-faults.*': 'the test, not the kernel, fails each call in turn',
  'map/follow.*': 'what readers make of a new generation; pin/readers follows one',
  'docs/*': 'code of the documentation, whose calls test/map makes',
  'map/each-type.*':
    'what the library says of types of maps, held against the newest kernel that knows them all',
  'map/flexible.*': 'what the library makes of records; map/ring-buffer reads on each kernel',
  'map/networks.*': 'what the library makes of keys; tries are as old as the oldest kernel',
  'map/types.*': 'what the library makes of entries; most of the kernel’s part is as old as the oldest',
  'object/collect.*': 'how long V8 keeps what is used no more, which it shows after thousands of loads',
  'object/run-context.*': 'what the library makes of contexts; object/run runs programs on each kernel',
  'object/programs.*': 'what BPF_PROG_LOAD is told of a program, which every kernel takes in the same way',
  'object/letters.*': 'names that every kernel refuses alike',
  'object/older-types.*': 'the test, not the kernel, refuses types',
  'syscall/errno.*': 'what V8 does between two calls, by processes that are slow to start',
  'object/tokens.*': 'compiles C, and no machine has a compiler',
  'object/resize.*':
    'what the library tells the kernel of a map; the kernel is asked nothing that other tests do not ask',
  'object/libbpf.*': 'has bpftool load and dump all again, which takes it minutes in an emulator',
  'object/refused.*': 'messages of the library; test/parity compares the verdicts on each kernel',
  'object/externs.k*':
    'most of it is the library; object/externs.vm and test/parity do what differs by kernel',
  'interop/kconfig.*': 'compiles C, and no machine has a compiler',
  'api/kconfig.*': 'what the library compares; the kernel is asked nothing that other tests do not ask',
  'tools/tools.*': 'what tools see; that they load there is part of parity, tools/kernel-tools attaches',
  'interop/core.*': 'compiles C, and no machine has a compiler',
  'interop/libbpf.*': 'compiles C, and no machine has a compiler',
  'interop/usdt.*': 'compiles C, and no machine has a compiler',
  'package/*': 'builds by esbuild what calls the kernel as the sources do',
  'esbuild/*': 'builds by esbuild what runs as any other program does',
}

/**
 * What the machines leave out unless one asks for it, by name or by `--all`, and why. All of it runs on this system, too,
 * whose kernel is newer than theirs.
 */
const onlyAll = {
  'api/upgrade-kinds.*':
    'what the library makes of each kind of map; pin/sweep and api/upgrade carry entries there',
  'object/core.*': 'the types of each kernel are in parity',
  'api/many.*': 'how many calls the library makes for a thousand maps, which is the same on every kernel',
  'api/pinned.*': 'what processes see of each other, by processes that are slow to start',
  'api/layout.*': 'where the library pins, which bpffs takes as it is on every kernel',
  'api/attached-by-hand.*': 'what the library makes of links, which link/life asks of the kernel',
  'map/many.*': 'what the library makes of batches, which pin/copy reads and writes there',
  'pin/copy-percpu.*': 'api/upgrade-kinds carries values of each CPU',
  'pin/dead-links.*':
    'what the library makes of links whose hook is gone, which link/life asks of the kernel',
  'pin/memory-limits.*':
    'one operation after another by processes that the kernel ends, which are slow to start',
  'pin/readers.*': 'readers and an upgrade at once, of which an emulator runs one after another',
  'pin/references.*': 'api/upgrade-kinds carries maps of maps',
  'pin/strangers.*': 'what the library lists; the kernel is asked nothing that other tests do not ask',
  'pin/sweep-random.*': 'pin/sweep does each of these steps once',
  'pin/unlisted.*': 'what the library compares; the kernel is asked nothing that other tests do not ask',
  'selftests/*': 'bpffs is the same since the oldest kernel',
  'syscall/error.*': 'messages of the library, by processes that are slow to start',
  'syscall/files.*': 'calls that are older than the oldest kernel',
  'syscall/gate.*': 'the test, not the kernel, answers',
  'interop/bpftool.*': 'bpftool is as slow there as it is in parity, which compares more',
  'link/labels.*': 'names that the library gives links',
}

/** What runs on the oldest kernel only, of the machines, unless one asks for it as above. */
const onlyOldest = {
  'map/*': 'buffers are the same since the oldest kernel',
  'api/*': 'what the library makes of maps, programs and links, which other tests ask of each kernel',
  'pin/*': 'bpffs is the same since the oldest kernel',
  'syscall/*': 'attributes of calls are the same since the oldest kernel',
  'link/life.kernel*': 'how links die; link/life.vm has those that the oldest kernel does not',
  'link/user.*': 'uprobes and perf events are older than the oldest kernel',
  'link/iter.*': 'iterators are older than the oldest kernel',
  'link/usdt.*': 'all kernels with a link for many places (Linux 6.6) do it as this system does',
  'object/core.*': 'the types of each kernel are in parity',
  'object/context-tags.*': 'only the oldest does not know the tag',
  'interop/*': 'bpffs is the same since the oldest kernel',
}

/** What runs on all but the oldest, unless one asks for it as above, and why. */
const onlyNewer = {
  'link/cgroup.*': 'half of it came later',
  'link/life.vm.*': 'a third of it came later; link/life has the rest',
  'link/network.*': 'a third of it came later; link/attach has the rest',
  'link/freplace.vm.*': 'older than the oldest kernel',
  'pin/kernel-families.vm.*': 'most of it came later',
  'object/struct-ops.*': 'links of struct_ops maps came later',
}
const oldestKernel = '6.1.'

/** What no machine with this system's kind of processor runs, and why. */
const onlyOtherProcessors = {
  'api/smoke.*': 'what other tests ask more about, in short for the machine with another processor',
  'api/one-file.vm.*': 'a tool in one file for another processor; test/esbuild runs those for this one',
}

/**
 * -> `{ files, leftOut }`; leftOut has `{ name, why }`. Of a machine, by the release of its kernel: this one, unless another
 * is named.
 */
export function testFiles(dir, { all, machine = process.env.BPFPIN_MACHINE, arch = process.arch }) {
  const found = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map(entry => resolve(entry.parentPath ?? entry.path, entry.name))
    .filter(file => !relative(dir, file).includes('traps/')) // what the runner's own tests run
    .sort()
  if (machine === undefined) return { files: found.filter(file => !isForMachines(file)), leftOut: [] }
  const reasons = Object.entries(reasonsOf(machine, arch, all))
  const patterns = reasons.map(([pattern]) => asPattern(pattern))
  const isLeftOut = file => patterns.some(pattern => pattern.test(relative(dir, file)))
  return {
    files: found.filter(file => file.endsWith('.kernel.test.ts') && !isLeftOut(file)),
    leftOut: reasons.map(([pattern, why]) => ({ name: `test/${pattern}`, why })),
  }
}

function reasonsOf(machine, arch, all) {
  const never = { ...onlyHere, ...(arch === 'x64' ? onlyOtherProcessors : {}) }
  if (all) return never
  return { ...onlyAll, ...(machine.startsWith(oldestKernel) ? onlyNewer : onlyOldest), ...never }
}

function isForMachines(file) {
  return file.endsWith('.vm.kernel.test.ts')
}

/** `*` is no `.vm.`: those files run in machines or nowhere. */
function asPattern(text) {
  return new RegExp(`^${text.replaceAll('.', '\\.').replaceAll('*', '((?!\\.vm\\.).)*')}$`)
}
