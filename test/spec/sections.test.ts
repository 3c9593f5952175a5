import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { attachTypes, programTypes } from '../../src/spec/kernel.ts'
import { matchSection, sectionNames } from '../../src/spec/sections.ts'
import { needs } from '../requirements.ts'

/** Names that are in the table since a libbpf later than Debian's 1.1. */
const later = new Set([
  ...[
    'uprobe.multi',
    'uprobe.multi.s',
    'uretprobe.multi',
    'uretprobe.multi.s',
    'uprobe.session',
    'uprobe.session.s',
  ],
  ...[
    'kprobe.session',
    'usdt.s',
    'tp_btf.s',
    'sk_skb/verdict',
    'struct_ops.s',
    'tracepoint.s',
    'tp.s',
    'raw_tracepoint.s',
    'raw_tp.s',
  ],
  ...['tc/ingress', 'tc/egress', 'tcx/ingress', 'tcx/egress', 'netkit/primary', 'netkit/peer', 'netfilter'],
  ...['fsession', 'fsession.s', 'fentry.multi', 'fentry.multi.s', 'fexit.multi', 'fexit.multi.s'],
  ...['fsession.multi', 'fsession.multi.s'],
  ...['cgroup/connect_unix', 'cgroup/sendmsg_unix', 'cgroup/recvmsg_unix'],
  ...['cgroup/getpeername_unix', 'cgroup/getsockname_unix'],
])

/** Names that nobody knows, or only with or without something behind them. */
const odd = [
  'xdp/eth0',
  'xdpx',
  'kprobe_x',
  'tc/x',
  'socket/1',
  'lsm_cgroup.s',
  'cgroup/unknown',
  'iter.x',
  '.text',
  '',
]

const program = `
#include <stdio.h>
#include <string.h>
#include <bpf/libbpf.h>
static int quiet(enum libbpf_print_level level, const char *format, va_list args) { return 0; }
int main(void) {
  char line[256];
  libbpf_set_print(quiet);
  while (fgets(line, sizeof(line), stdin)) {
    enum bpf_prog_type type;
    enum bpf_attach_type attach;
    line[strcspn(line, "\\n")] = 0;
    if (libbpf_prog_type_by_name(line, &type, &attach)) printf("%s|none\\n", line);
    else printf("%s|%d %d\\n", line, type, attach);
  }
}`

/** What libbpf says of section names: numbers of program type and attach type. */
function askLibbpf(names: string[]): Map<string, string> {
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-sections-'))
  try {
    writeFileSync(join(directory, 'ask.c'), program)
    execFileSync('gcc', ['-o', join(directory, 'ask'), join(directory, 'ask.c'), '-lbpf'])
    const answer = execFileSync(join(directory, 'ask'), { input: `${names.join('\n')}\n`, encoding: 'utf8' })
    return new Map(
      answer
        .trimEnd()
        .split('\n')
        .map(line => line.split('|') as [string, string]),
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function ours(name: string): string {
  const match = matchSection(name)
  if (!match) return 'none'
  return `${programTypes[match.programType]} ${match.attachType === undefined ? 0 : attachTypes[match.attachType]}`
}

needs(
  test,
  'gcc',
  '/usr/include/bpf/libbpf.h',
)('a section name means what it means to libbpf', () => {
  const known = sectionNames().filter(name => !later.has(name))
  const names = [...known, ...known.map(name => `${name}/some_hook`), ...odd]
  const libbpf = askLibbpf(names)
  assert.is(libbpf.size, new Set(names).size)
  for (const [name, meaning] of libbpf) assert.is(ours(name), meaning, name)
})

needs(
  test,
  'gcc',
  '/usr/include/bpf/libbpf.h',
)('the list of later names has none that libbpf 1.1 knows', () => {
  for (const [name, meaning] of askLibbpf([...later])) assert.is(meaning, 'none', name)
})

test('sections of later kernels have the numbers of include/uapi/linux/bpf.h', () => {
  const numbers = ['fsession.s/f', 'fentry.multi', 'fexit.multi.s/f*', 'fsession.multi'].map(ours)
  assert.equal(numbers, ['26 58', '26 59', '26 60', '26 61'])
})

test('what follows the slash is the hook', () => {
  assert.is(matchSection('tracepoint/sched/sched_switch')?.extra, 'sched/sched_switch')
  assert.is(matchSection('kprobe')?.extra, '')
  assert.is(matchSection('xdp')?.extra, '')
})

test('sleepable programs and multi-buffer XDP get their load flags', () => {
  assert.is(matchSection('lsm.s/file_open')?.flags, 0x10)
  assert.is(matchSection('syscall')?.flags, 0x10)
  assert.is(matchSection('xdp.frags')?.flags, 0x20)
  assert.is(matchSection('lsm/file_open')?.flags, 0)
})

test.run()
