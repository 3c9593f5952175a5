import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mapTypes, programTypes } from '../../src/spec/uapi.generated.ts'
import { assumeTakesDirectory } from '../../src/syscall/bpf-object.ts'
import {
  btfBytes,
  btfGetFdById,
  btfInfo,
  btfLoad,
  btfLoadLogged,
  closeFd,
  type InterceptedCall,
  interceptSyscalls,
  mapCreate,
  mapGetFdById,
  mapGetNextId,
  mapInfo,
  objectKind,
  objGet,
  objPin,
  openFile,
  openFlag,
  progBindMap,
  progGetFdById,
  progInfo,
  progLoad,
  progLoadLogged,
  progTestRun,
  unlinkFile,
} from '../../src/syscall/index.ts'
import { needs } from '../requirements.ts'
import { bpftool, opened, returning } from './bpftool.ts'

const root = process.env.BPFPIN_TEST_ROOT!
const array = { type: mapTypes.array, keySize: 4, valueSize: 8, maxEntries: 1 }
const filter = { type: programTypes.socket_filter, instructions: returning(7), license: 'GPL' }

test('a pin opens the same map, by an absolute path', () => {
  const fd = opened(mapCreate(array))
  const path = join(root, 'by-path')
  assert.is(objPin(fd, path), 0)
  assert.is(objPin(fd, path), -17)
  const again = opened(objGet(path))
  assert.equal(mapInfo(again), mapInfo(fd))
  assert.is(unlinkFile(path), 0)
  assert.is(objGet(path), -2)
  closeFd(fd)
  closeFd(again)
})

for (const takesDirectory of [true, false]) {
  const way = takesDirectory ? 'by BPF_F_PATH_FD' : 'by way of /proc, as before Linux 6.5'
  const which = takesDirectory ? ['linux 6.5'] : []
  needs(test, ...which)(`pins are made and opened below the descriptor of a directory, ${way}`, () => {
    assumeTakesDirectory(takesDirectory)
    const paths: (string | undefined)[] = []
    interceptSyscalls(call => void paths.push(call.path))
    mkdirSync(join(root, 'below'))
    const directory = opened(openFile(join(root, 'below'), openFlag.PATH | openFlag.DIRECTORY))
    const fd = opened(mapCreate(array))
    assert.is(objPin(fd, 'named', directory), 0)
    const again = opened(objGet('named', 0, directory))
    interceptSyscalls(undefined)
    assumeTakesDirectory(undefined)
    assert.equal(mapInfo(again), mapInfo(fd))
    assert.ok(paths.includes(takesDirectory ? 'named' : `/proc/self/fd/${directory}/named`))
    assert.is(unlinkFile('named', directory), 0)
    for (const open of [fd, again, directory]) closeFd(open)
    rmdirSync(join(root, 'below'))
  })
}

test('whether the kernel takes directories is asked once', () => {
  assumeTakesDirectory(undefined)
  const names: string[] = []
  const directory = opened(openFile(root, openFlag.PATH | openFlag.DIRECTORY))
  interceptSyscalls((call: InterceptedCall) => void names.push(call.name))
  objGet('a', 0, directory)
  objGet('a', 0, directory)
  interceptSyscalls(undefined)
  assert.is(names.length, 3)
  closeFd(directory)
})

test('a path that is too long, or has a NUL in it, is refused before the kernel sees it', () => {
  const fd = opened(mapCreate(array))
  assert.is(objPin(fd, `/${'x'.repeat(4096)}`), -36)
  assert.is(objPin(fd, `/${'ä'.repeat(2048)}`), -36)
  assert.is(objPin(fd, join(root, 'a\0b')), -2)
  closeFd(fd)
})

test('a name beyond ASCII is pinned under its bytes', () => {
  const fd = opened(mapCreate(array))
  const path = join(root, 'zähler-计数')
  assert.is(objPin(fd, path), 0)
  assert.is(unlinkFile(path), 0)
  closeFd(fd)
})

test('a map opened for reading only says so by EPERM', () => {
  const BPF_F_RDONLY = 8
  const fd = opened(mapCreate(array))
  const path = join(root, 'read-only')
  objPin(fd, path)
  const reader = opened(objGet(path, BPF_F_RDONLY))
  assert.is(objectKind(reader), 'map')
  assert.is(unlinkFile(path), 0)
  closeFd(fd)
  closeFd(reader)
})

needs(test, 'bpftool')('information about a program is what bpftool shows', () => {
  const map = opened(mapCreate(array))
  const fd = opened(progLoad({ ...filter, name: 'seven' }))
  assert.is(progBindMap(fd, map), 0)
  const info = progInfo(fd)
  if (typeof info === 'number') throw new Error(`errno ${-info}`)
  const shown = bpftool('prog', 'show', 'id', String(info.id))
  assert.is(shown.type, 'socket_filter')
  assert.is(info.type, 1)
  assert.equal(
    [info.name, info.tag, info.gplCompatible, info.createdByUid, info.xlatedLength, info.jitedLength],
    [shown.name, shown.tag, shown.gpl_compatible, shown.uid, shown.bytes_xlated, shown.bytes_jited],
  )
  assert.equal(info.mapIds, shown.map_ids)
  assert.is(info.verifiedInstructions, 2)
  closeFd(map)
  closeFd(fd)
})

test('objects are found by id', () => {
  const map = opened(mapCreate(array))
  const program = opened(progLoad(filter))
  const mapId = (mapInfo(map) as { id: number }).id // it is open: no errno
  const programId = (progInfo(program) as { id: number }).id // likewise
  const sameMap = opened(mapGetFdById(mapId))
  const sameProgram = opened(progGetFdById(programId))
  assert.equal(mapInfo(sameMap), mapInfo(map))
  assert.equal(progInfo(sameProgram), progInfo(program))
  assert.is(mapGetNextId(mapId - 1), mapId)
  assert.is(mapGetNextId(0x7fff_fffe), -2)
  assert.is(mapGetFdById(0x7fff_ffff), -2)
  for (const fd of [map, program, sameMap, sameProgram]) closeFd(fd)
})

test('the kind of a descriptor is read from the descriptor', () => {
  const map = opened(mapCreate(array))
  const program = opened(progLoad(filter))
  const btf = opened(btfGetFdById(1))
  const file = opened(openFile('/proc/self/status', openFlag.RDONLY))
  assert.equal([map, program, btf, file].map(objectKind), ['map', 'program', 'btf', undefined])
  assert.is(objectKind(99_999), -2)
  for (const fd of [map, program, btf, file]) closeFd(fd)
})

test('a test run gives what the program returned', () => {
  const fd = opened(progLoad({ ...filter, instructions: returning(42) }))
  const run = progTestRun(fd, { dataIn: new Uint8Array(64), repeat: 10 })
  assert.is(run.result, 0)
  assert.is(run.returnValue, 42)
  assert.is(run.dataSize, 64)
  assert.is(progTestRun(fd).result, -22, 'no packet')
  closeFd(fd)
})

test('a program that the verifier refuses is loaded again for its log, however long', () => {
  const exitOnly = new Uint8Array([0x95, 0, 0, 0, 0, 0, 0, 0])
  const { result, log } = progLoadLogged({ ...filter, instructions: exitOnly })
  assert.is(result, -13)
  assert.match(log, /R0 !read_ok/)

  const moves = new Uint8Array(8 * 4096)
  for (let i = 0; i < moves.length; i += 8) moves[i] = 0xb7
  moves.set([0xbf, 0x90], moves.length - 8 * 2) // r0 = r9
  moves[moves.length - 8] = 0x95
  const long = progLoadLogged({ ...filter, instructions: moves }, 2)
  assert.is(long.result, -13)
  assert.ok(long.log.length > 1 << 16)
  assert.match(long.log, /R9 !read_ok/)
})

test('BTF goes into the kernel and comes out as it was', () => {
  // header, then one type: INT "u" of 4 bytes
  const types = new Uint32Array([1, 0x0100_0000, 4, 32])
  const blob = new Uint8Array(24 + 16 + 3)
  const view = new DataView(blob.buffer)
  view.setUint16(0, 0xeb9f, true)
  view.setUint8(2, 1)
  view.setUint32(4, 24, true)
  view.setUint32(12, 16, true)
  view.setUint32(16, 16, true)
  view.setUint32(20, 3, true)
  blob.set(new Uint8Array(types.buffer), 24)
  blob.set([0, 0x75, 0], 40)
  const fd = opened(btfLoad(blob))
  assert.equal(btfBytes(fd), blob)
  const info = btfInfo(fd)
  assert.ok(typeof info !== 'number' && info.size === 43 && !info.isKernel && info.name === '')
  assert.is(objectKind(fd), 'btf')
  closeFd(fd)
  blob[0] = 0
  const refused = btfLoadLogged(blob)
  assert.is(refused.result, -22)
  assert.match(refused.log, /magic/i)
})

test('the BTF of the kernel has its name', () => {
  const fd = opened(btfGetFdById(1))
  const info = btfInfo(fd)
  assert.ok(typeof info !== 'number' && info.isKernel && info.name === 'vmlinux')
  closeFd(fd)
})

test('a load that a signal interrupts is tried again', () => {
  let tries = 0
  interceptSyscalls(call => (call.name === 'bpf(BPF_PROG_LOAD)' && ++tries < 3 ? -11 : undefined))
  const fd = progLoad(filter)
  interceptSyscalls(() => -11)
  const forever = progLoad(filter)
  interceptSyscalls(undefined)
  assert.ok(fd > 0)
  assert.is(tries, 3)
  assert.is(forever, -11)
  closeFd(fd)
})

test.run()
