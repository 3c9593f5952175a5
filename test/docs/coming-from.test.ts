import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'

const page = readFileSync(new URL('../../docs/coming-from.md', import.meta.url), 'utf8')

/** What stands for C in the tables: whole statements, and names and expressions in a sentence. */
const inC = Array.from(
  page.matchAll(/^\| libbpf \| cilium\/ebpf \|\n\|---\|---\|\n\| (.+?) \| /gm),
  ([, cell]) => Array.from(cell!.matchAll(/`([^`]+)`/g), ([, code]) => code!),
)

/** A skeleton has the names of types only: those who use libbpf have these in a header for both sides. */
const sharedHeader = /^struct event \{.+?^\};$/ms.exec(page)![0]

/** Everything that the page takes for granted, with the types that libbpf's own headers and its skeleton give it. */
function program(statements: readonly string[]): string {
  return `
    #include <bpf/bpf.h>
    #include <bpf/libbpf.h>
    ${sharedHeader}
    #include "flows.skel.h"
    void snippet(struct flows_bpf *skel, struct bpf_object *obj, struct bpf_map *map, struct bpf_program *prog,
                 struct bpf_link *link, struct ring_buffer *rb, ring_buffer_sample_fn handle, int fd,
                 struct bpf_object_open_opts opts, const char *dir, const char *path, __u32 key, __u64 value);
    void snippet(struct flows_bpf *skel, struct bpf_object *obj, struct bpf_map *map, struct bpf_program *prog,
                 struct bpf_link *link, struct ring_buffer *rb, ring_buffer_sample_fn handle, int fd,
                 struct bpf_object_open_opts opts, const char *dir, const char *path, __u32 key, __u64 value)
    {
      ${statements.join('\n')}
    }`
}

/** A function that is named without arguments is only looked up; so is a member. */
function asStatement(code: string): string {
  return code.endsWith(';') ? code : `(void)${code.replace(/\(\)$/, '')};`
}

needs(
  test,
  'gcc',
  'clang-19',
  'bpftool',
  '/usr/include/bpf/libbpf.h',
)('the C beside each task is of libbpf as it is, and of the skeleton of the object on the page', () => {
  assert.is(inC.length, 10)
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-c-'))
  const run = (command: string, ...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: directory })
    assert.is(status, 0, `${command} ${args.join(' ')}:\n${stderr}`)
    return stdout
  }
  try {
    writeFileSync(join(directory, 'flows.bpf.c'), /^```c\n(.+?)^```$/ms.exec(page)![1]!)
    const flags = [
      '-g',
      '-O2',
      '-target',
      'bpf',
      '-I/usr/include/x86_64-linux-gnu',
      '-I/usr/include/aarch64-linux-gnu',
    ]
    run('clang-19', ...flags, '-c', 'flows.bpf.c', '-o', 'flows.bpf.o')
    writeFileSync(
      join(directory, 'flows.skel.h'),
      run('bpftool', 'gen', 'skeleton', 'flows.bpf.o', 'name', 'flows_bpf'),
    )
    writeFileSync(join(directory, 'page.c'), program(inC.flat().map(asStatement)))
    run(
      'gcc',
      '-Wall',
      '-Wextra',
      '-Wno-unused-parameter',
      '-Wno-unused-but-set-parameter',
      '-Werror',
      '-fsyntax-only',
      'page.c',
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test.run()
