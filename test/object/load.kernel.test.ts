import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject, type VerifierError } from '../../src/index.ts'
import { progTestRun } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const openFiles = (): number => readdirSync('/proc/self/fd').length

needs(test, 'root')('static, global and callback functions are called as the source says', () => {
  using object = openObject(fixture('functions')).load()
  const numbers = object.maps.get('numbers')
  for (let i = 0; i < 4; i++) numbers.set(i, BigInt(i + 1))
  const context = new Uint8Array(new Int32Array([5]).buffer)
  const { result, returnValue } = progTestRun(object.programs.get('run').fd, { contextIn: context })
  assert.is(result, 0)
  assert.is(returnValue, 2 * 5 + 3 * 5)
  // the callback added up all four numbers
  assert.is(object.variables.get('sum').get(), 10n)
  assert.not(object.programs.has('optional'))
})

needs(test, 'root')('a program array leads to the program that the object puts into it', () => {
  using object = openObject(fixture('map-kinds')).load()
  const { result, returnValue } = progTestRun(object.programs.get('jump').fd)
  assert.is(result, 0)
  assert.is(returnValue, 7)
})

needs(
  test,
  'root',
  'bpftool',
)('a map of maps holds the maps that the object puts into it', () => {
  using object = openObject(fixture('map-kinds')).load()
  const { maps } = object
  const dump = execFileSync('bpftool', ['--json', 'map', 'dump', 'id', String(maps.get('outer').id)], {
    encoding: 'utf8',
  })
  const ids = (JSON.parse(dump) as { key: string[]; value: string[] }[]).map(({ key, value }) => [
    Buffer.from(key.map(Number)).readUInt32LE(),
    Buffer.from(value.map(Number)).readUInt32LE(),
  ])
  assert.equal(ids, [
    [0, maps.get('inner_a').id],
    [3, maps.get('inner_b').id],
  ])
})

needs(test, 'root')('what the machine decides of a map is asked of the machine', () => {
  using object = openObject(fixture('map-kinds')).load()
  const { maps } = object
  const cpus = Number(execFileSync('nproc', ['--all'], { encoding: 'utf8' }))
  assert.is(maps.get('samples').info().maxEntries, cpus)
  // 5,000 bytes are rounded up to a power of two of pages
  assert.is(maps.get('events').info().maxEntries, 8192)
  for (const map of maps) {
    const { type, ...info } = map.info()
    const { keySize, valueSize, maxEntries, flags } = map.shape
    assert.equal({ keySize, valueSize, maxEntries, flags }, pick(info), `${map.name}: ${type}`)
  }
})

function pick({ keySize, valueSize, maxEntries, flags }: Record<string, unknown>) {
  return { keySize, valueSize, maxEntries, flags }
}

needs(test, 'root')('a branch that a constant makes dead is not verified', () => {
  const spec = openObject(fixture('dead-branch'))
  spec.load().close()
  spec.variables.get('unchecked').set(true)
  const error = failure(() => spec.load()) as VerifierError
  assert.is(error.code, 'ERR_VERIFIER')
  assert.is(error.program, 'careless')
  assert.not(error.message.includes('\n'))
  assert.match(error.message, "R0 invalid mem access 'map_value_or_null'")
  assert.match(error.message, '*slot += 1;')
  assert.match(error.log, /processed \d+ insns/)
  spec.variables.get('unchecked').set(false)
  spec.load().close()
})

needs(test, 'root')('constants are frozen and are read, other variables are shared memory', () => {
  const spec = openObject(fixture('counter'))
  spec.variables.get('only_pid').set(process.pid)
  using object = spec.load()
  const { variables, maps } = object
  assert.is(variables.get('only_pid').get(), process.pid)
  assert.match(readFileSync(`/proc/self/fdinfo/${maps.get('.rodata').fd}`, 'utf8'), /^frozen:\s*1$/m)
  assert.is(failure(() => variables.get('only_pid').set(1)).code, 'ERR_READ_ONLY')
  variables.get('weight').set(5n)
  assert.equal(maps.get('.data').get(0), { weight: 5n })
  maps.get('.data').set(0, { weight: 6n })
  assert.is(variables.get('weight').get(), 6n)
})

needs(test, 'root')('a map that is not to be created is missed by name', () => {
  const spec = openObject(fixture('counter'))
  spec.maps.get('per_cpu').autocreate = false
  const before = openFiles()
  const error = failure(() => spec.load())
  assert.is(error.code, 'ERR_VERIFIER')
  assert.match(
    error.message,
    /program 'on_enter'.* instruction \d+ needs map 'per_cpu', which is not created/,
  )
  assert.match(error.hint ?? '', 'set its autocreate to true')
  assert.is(openFiles(), before)
  spec.programs.get('on_enter').autoload = false
  using object = spec.load()
  assert.equal([...object.programs.names()], ['on_exit'])
  assert.not(object.maps.has('per_cpu'))
})

needs(test, 'root')('code that nothing leads to may use a map that is not created', () => {
  const dead = openObject(fixture('dead-branch'))
  dead.maps.get('slots').autocreate = false
  using object = dead.load()
  assert.not(object.maps.has('slots'))
  const reached = openObject(fixture('dead-branch'))
  reached.maps.get('slots').autocreate = false
  reached.variables.get('unchecked').set(true)
  const error = failure(() => reached.load()) as VerifierError
  assert.match(
    error.message,
    /needs map 'slots', which is not created: .* at dead-branch\.bpf\.c:\d+\)|bpf_map_lookup_elem/,
  )
  // the number that libbpf puts there, by which logs are searched
  assert.match(error.log, /call unknown#20010000\d\d/)
})

needs(test, 'root')('parameters that the kernel refuses are named, and nothing stays open', () => {
  const spec = openObject(fixture('counter'))
  spec.maps.get('totals').maxEntries = 0
  const before = openFiles()
  const error = failure(() => spec.load())
  assert.is(error.code, 'EINVAL')
  assert.is(error.syscall, 'bpf(BPF_MAP_CREATE)')
  assert.match(error.message, "creating map 'totals' (array, key 4 bytes, value 8 bytes, max_entries 0)")
  assert.is(openFiles(), before)
})

needs(test, 'root')('parameters that are changed before loading are those that the kernel gets', () => {
  const spec = openObject(fixture('counter'))
  spec.maps.get('by_process').maxEntries = 77
  using object = spec.load()
  assert.is(object.maps.get('by_process').info().maxEntries, 77)
})

needs(test, 'root')('a live map that is given is used, and nothing is written into it', () => {
  const spec = openObject(fixture('counter'))
  using first = spec.load()
  first.variables.get('weight').set(9n)
  using given = openObject(fixture('counter')).load()
  const data = given.maps.get('.data')
  data.set(0, { weight: 3n })
  using second = spec.load({ maps: { '.data': data } })
  assert.is(second.variables.get('weight').get(), 3n)
  assert.is(second.maps.get('.data').id, data.id)
  assert.is(failure(() => spec.load({ maps: { datta: data } })).code, 'ERR_UNKNOWN_NAME')
})

test('an object of the other byte order is refused with what to do', () => {
  const error = failure(() => openObject(fixture('functions-eb')).load())
  assert.is(error.code, 'ERR_BYTE_ORDER')
  assert.match(error.message, 'the object is big-endian, this machine is little-endian')
  assert.match(error.hint ?? '', '-target bpfel')
})

needs(test, 'root')(
  'types that the kernel refuses are left out, with a warning, and are known here',
  async () => {
    const warnings: Error[] = []
    const note = (warning: Error): unknown => warnings.push(warning)
    process.on('warning', note)
    const path = new URL('../parity/compilers/maps.bpf-gcc.o', import.meta.url).pathname
    using object = openObject(path).load()
    const first = object.maps.get('first')
    assert.is(first.info().btfId, 0)
    first.set(1, { count: 2n, sum: 3n })
    assert.equal(first.get(1), { count: 2n, sum: 3n })
    assert.ok(object.programs.has('count'))
    await new Promise(setImmediate)
    process.off('warning', note)
    assert.equal(
      warnings.map(warning => warning.message),
      // the kernel's words (kernel/bpf/btf.c: btf_int_check_meta)
      [
        "maps.bpf-gcc: the kernel refuses the object's BTF: [1] INT signed char size=1 bits_offset=0 nr_bits=8 encoding=UNKN Unsupported encoding",
      ],
    )
  },
)

test.run()
