import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { libbpf } from '../../scripts/libbpf.ts'
import { BpfError, openObject } from '../../src/index.ts'
import { allocate, mapLookup } from '../../src/syscall/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-kconfig-'))
test.after(() => rmSync(scratch, { recursive: true }))

/** Each a configuration, `\n` in it a new line. CONFIG_BPF is a char, CONFIG_NR_CPUS a short, CONFIG_HZ an unsigned long. */
const configurations = [
  ...[
    '',
    '# CONFIG_HZ is not set',
    '#CONFIG_HZ=1',
    ' CONFIG_HZ=1',
    'config_HZ=1',
    'other=1',
    'CONFIG_OTHER=1',
  ],
  ...[
    'CONFIG_HZ',
    'CONFIG_HZ=',
    'CONFIG_OTHER',
    'CONFIG_OTHER=',
    'CONFIG_HZ=\\nCONFIG_HZ=1',
    'CONFIG_HZ=1=2',
  ],
  ...[
    'CONFIG_HZ=0',
    'CONFIG_HZ=1',
    'CONFIG_HZ= 1',
    'CONFIG_HZ=1 ',
    'CONFIG_HZ=+1',
    'CONFIG_HZ=-1',
    'CONFIG_HZ=--1',
  ],
  ...[
    'CONFIG_HZ=010',
    'CONFIG_HZ=08',
    'CONFIG_HZ=0x1F',
    'CONFIG_HZ=0X1f',
    'CONFIG_HZ=0x',
    'CONFIG_HZ=1e3',
    'CONFIG_HZ=1.5',
  ],
  ...['CONFIG_HZ=18446744073709551615', 'CONFIG_HZ=18446744073709551616', 'CONFIG_HZ=-9223372036854775809'],
  ...[
    'CONFIG_HZ=y',
    'CONFIG_HZ=n',
    'CONFIG_HZ=m',
    'CONFIG_HZ="1"',
    'CONFIG_HZ=x',
    'CONFIG_HZ=1\\nCONFIG_HZ=2',
  ],
  ...['CONFIG_NR_CPUS=32767', 'CONFIG_NR_CPUS=32768', 'CONFIG_NR_CPUS=-32768', 'CONFIG_NR_CPUS=-32769'],
  ...['CONFIG_NR_CPUS=65535', 'CONFIG_NR_CPUS=0xffffffffffff8000', 'CONFIG_NR_CPUS=0xffffffffffff7fff'],
  ...[
    'CONFIG_BPF=y',
    'CONFIG_BPF=n',
    'CONFIG_BPF=m',
    'CONFIG_BPF=yes',
    'CONFIG_BPF=127',
    'CONFIG_BPF=128',
    'CONFIG_BPF=-128',
  ],
  ...['CONFIG_BPF="y"', "CONFIG_BPF='y'", 'CONFIG_BPF=255', 'CONFIG_BPF=-129'],
  ...[
    'CONFIG_BPF_SYSCALL=y',
    'CONFIG_BPF_SYSCALL=n',
    'CONFIG_BPF_SYSCALL=m',
    'CONFIG_BPF_SYSCALL=1',
    'CONFIG_BPF_SYSCALL=0',
  ],
  ...['CONFIG_BPF_SYSCALL=no', 'CONFIG_BPF_SYSCALL="y"', 'CONFIG_BPF_SYSCALL=Y'],
  ...[
    'CONFIG_VETH=y',
    'CONFIG_VETH=n',
    'CONFIG_VETH=m',
    'CONFIG_VETH=1',
    'CONFIG_VETH="m"',
    'CONFIG_VETH=maybe',
  ],
  ...[
    'CONFIG_DEFAULT_HOSTNAME=""',
    'CONFIG_DEFAULT_HOSTNAME="',
    'CONFIG_DEFAULT_HOSTNAME="a',
    'CONFIG_DEFAULT_HOSTNAME=a"',
  ],
  ...[
    'CONFIG_DEFAULT_HOSTNAME="a"b"',
    'CONFIG_DEFAULT_HOSTNAME="123456789012345"',
    'CONFIG_DEFAULT_HOSTNAME="1234567890123456"',
  ],
  ...[
    'CONFIG_DEFAULT_HOSTNAME="käse"',
    'CONFIG_DEFAULT_HOSTNAME="x"y',
    'CONFIG_DEFAULT_HOSTNAME=y',
    'CONFIG_DEFAULT_HOSTNAME=1',
  ],
  ...['CONFIG_NO_SUCH_TEXT="abcdef"', 'CONFIG_NO_SUCH_VALUE=-2147483648', 'CONFIG_NO_SUCH_VALUE=2147483648'],
  ...['LINUX_KERNEL_VERSION=1', 'CONFIG_HZ=1\\n\\nCONFIG_NR_CPUS=2', 'CONFIG_NO_SUCH_VALUE=\\t7'],
]

function byLibbpf(object: string): string[] {
  const program = join(scratch, 'kconfig')
  const { include, archive } = libbpf()
  const source = new URL('./kconfig.c', import.meta.url).pathname
  execFileSync('gcc', [
    '-Wall',
    '-Werror',
    '-O1',
    `-I${include}`,
    '-o',
    program,
    source,
    archive,
    '-lelf',
    '-lz',
  ])
  const output = execFileSync(program, [object], {
    input: `${configurations.join('\n')}\n`,
    encoding: 'utf8',
  })
  return output.trimEnd().split('\n')
}

function byUs(object: string): string[] {
  return configurations.map(text => {
    const spec = openObject(object, { kconfig: text.replaceAll('\\n', '\n') })
    try {
      using live = spec.load()
      const map = live.maps.get('.kconfig')
      const value = allocate(map.valueSize)
      assert.is(mapLookup(map.fd, allocate(4), value), 0)
      return Buffer.from(value.bytes).toString('hex')
    } catch (error) {
      assert.ok(error instanceof BpfError && error.code === 'ERR_EXTERN', String(error))
      return 'refused'
    }
  })
}

needs(
  test,
  'root',
  'gcc',
  '/usr/include/libelf.h',
)('of each configuration the map has what libbpf has in it, or it is refused as by libbpf', () => {
  const object = fixture('externs-config')
  const [theirs, ours] = [byLibbpf(object), byUs(object)]
  assert.is(theirs.length, configurations.length)
  assert.ok(theirs.filter(each => each === 'refused').length > 20)
  assert.ok(new Set(theirs).size > 20)
  const both = (values: readonly string[]): string[] =>
    values.map((value, i) => `${configurations[i]}: ${value}`)
  assert.equal(both(ours), both(theirs))
})

test.run()
