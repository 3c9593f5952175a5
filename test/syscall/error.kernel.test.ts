import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mapTypes } from '../../src/spec/uapi.generated.ts'
import {
  closeFd,
  interceptSyscalls,
  makeDirectory,
  mapCreate,
  objGet,
  objPin,
  systemError,
} from '../../src/syscall/index.ts'
import { needs } from '../requirements.ts'
import { opened } from './bpftool.ts'

const root = process.env.BPFPIN_TEST_ROOT!
const array = { type: mapTypes.array, keySize: 4, valueSize: 8, maxEntries: 1 }
const pinning = "pinning map 'flows'"

function pinError(path: string): Error & { hint?: string; code?: string } {
  const fd = opened(mapCreate(array))
  const error = systemError(objPin(fd, path), 'bpf(BPF_OBJ_PIN)', { doing: pinning, path })
  closeFd(fd)
  return error
}

test('an error has what was done, what the kernel said, the call and the path', () => {
  const path = join(root, 'absent', 'x')
  const error = pinError(path)
  assert.is(error.message, `${pinning}: ENOENT: no such file or directory, bpf(BPF_OBJ_PIN) '${path}'`)
  const {
    code,
    errno,
    syscall,
    path: place,
    hint,
  } = systemError(-2, 'bpf(BPF_OBJ_PIN)', { doing: pinning, path })
  assert.equal([code, errno, syscall, place], ['ENOENT', 2, 'bpf(BPF_OBJ_PIN)', path])
  assert.is(hint, `there is no '${join(root, 'absent')}'`)
})

test('the stack begins where the error was asked for', () => {
  assert.match(pinError(root).stack?.split('\n')[1] ?? '', /pinError .*\/error\.kernel\.test\./)
})

test('an error without a path or a known reason has neither field', () => {
  const error = systemError(-14, 'bpf(BPF_MAP_CREATE)', { doing: "creating map 'flows'" })
  assert.is(error.message, "creating map 'flows': EFAULT: bad address, bpf(BPF_MAP_CREATE)")
  assert.equal(Object.keys(error).sort(), ['code', 'errno', 'syscall'])
})

test('a pin where something is already is told so', () => {
  const path = join(root, 'taken')
  makeDirectory(path, 0o700)
  const { code, hint } = pinError(path)
  rmdirSync(path)
  assert.is(code, 'EEXIST')
  assert.match(hint ?? '', /^something is there, .*choose another path$/)
})

test('a pin outside bpffs is told where bpffs is', () => {
  const dir = mkdtempSync(join(tmpdir(), 'bpfpin-error-'))
  const error = pinError(join(dir, 'x'))
  assert.is(error.code, 'EPERM')
  assert.ok(error.hint?.startsWith(`'${dir}' is not on a bpffs; bpffs is at `), error.hint)
  // the system may have another one
  assert.ok(error.hint?.includes(join(root, '..')), error.hint)
  const opening = systemError(objGet(`${dir}/x/y`), 'bpf(BPF_OBJ_GET)', {
    doing: 'opening',
    path: `${dir}/x/y`,
  })
  assert.match(opening.hint ?? '', /is not on a bpffs/)
  rmSync(dir, { recursive: true })
})

test('without any bpffs the hint is how to mount one', () => {
  const script = `
    const { systemError } = await import('${new URL('../../src/syscall/index.ts', import.meta.url).href}')
    console.log(systemError(-1, 'bpf(BPF_OBJ_PIN)', { doing: 'pinning', path: '/sys/fs/bpf/x' }).hint)`
  const unmounted = [
    '--mount',
    'sh',
    '-c',
    'while umount -t bpf -a; do grep -q " bpf " /proc/self/mounts || break; done; exec "$@"',
  ]
  const hook = new URL('../ts-hook.mjs', import.meta.url).href
  const node = [process.execPath, '--import', hook, '--input-type=module', '--eval', script]
  const said = execFileSync('unshare', [...unmounted, 'sh', ...node], { encoding: 'utf8' })
  assert.is(said.trim(), "'/sys/fs/bpf' is not on a bpffs; mount one: mount -t bpf bpf /sys/fs/bpf")
})

test('a dot in a name is found, wherever it is', () => {
  for (const path of ['a.b', 'a.b/maps/c', '.rodata']) {
    const name = path.split('/').find(part => part.includes('.'))
    assert.is(pinError(join(root, path)).hint, `bpffs takes no name with a dot: '${name}'`)
  }
  const directory = join(root, 'x.y')
  const error = systemError(makeDirectory(directory), 'mkdirat', {
    doing: 'making a directory',
    path: directory,
  })
  assert.is(error.hint, "bpffs takes no name with a dot: 'x.y'")
  const elsewhere = systemError(-1, 'mkdirat', { doing: 'making a directory', path: '/tmp/x.y' })
  assert.match(elsewhere.hint ?? '', /^no reason was found/)
})

needs(test, 'setpriv')('a process without capabilities is told which it needs', () => {
  const index = new URL('../../src/syscall/index.ts', import.meta.url).href
  const script = `
    const { mapCreate, mapGetFdById, systemError } = await import('${index}')
    const filter = { type: 1, keySize: 4, valueSize: 8, maxEntries: 1 }
    console.log(systemError(-1, 'bpf(BPF_PROG_LOAD)', { doing: 'loading' }).hint)
    console.log(systemError(mapGetFdById(1), 'bpf(BPF_MAP_GET_FD_BY_ID)', { doing: 'opening' }).hint)`
  const said = (...who: string[]): string =>
    execFileSync(
      'setpriv',
      [
        ...who,
        process.execPath,
        '--import',
        new URL('../ts-hook.mjs', import.meta.url).href,
        '--input-type=module',
        '--eval',
        script,
      ],
      { encoding: 'utf8' },
    )
  const nobody = said('--reuid=65534', '--clear-groups', '--inh-caps=-all')
  assert.match(
    nobody,
    /^BPF needs root, or capabilities that this process has not: CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN( \(kernel.unprivileged_bpf_disabled is [12]\))?$/m,
  )
  assert.match(nobody, /^objects are found by id with CAP_SYS_ADMIN only: run as root$/m)
  const bounded = said('--bounding-set=-all', '--inh-caps=-all')
  assert.match(bounded, /capabilities that root has not here \(a container\?\): CAP_BPF/)
})

test('too many open files are counted, by a process that can open none', () => {
  const error = systemError(-24, 'bpf(BPF_MAP_CREATE)', { doing: 'creating' })
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  assert.match(error.hint ?? '', new RegExp(`may have ${limit} .*files open; raise the limit`))
})

test('a feature of a newer kernel is told from a mistake', () => {
  const newer = systemError(-22, 'bpf(BPF_LINK_CREATE)', { doing: 'attaching', since: '99.1' })
  assert.match(newer.hint ?? '', /^this needs Linux 99\.1, and this is \d/)
  const general = /^this kernel does not take it so/
  const older = systemError(-22, 'bpf(BPF_LINK_CREATE)', { doing: 'attaching', since: '4.1' })
  assert.match(older.hint ?? '', general)
  assert.match(systemError(-22, 'bpf(BPF_MAP_FREEZE)', { doing: 'freezing' }).hint ?? '', general)
})

test('where no reason is found, what the error mostly means is said, unless the caller knows better', () => {
  const hintOf = (result: number, syscall: string, hint?: string): string =>
    systemError(result, syscall, { doing: 'trying', hint }).hint ?? ''
  // kernel/bpf/inode.c: bpf_get_inode; bpffs has no blocks that could be used up
  assert.match(hintOf(-28, 'bpf(BPF_OBJ_PIN)'), /no memory/)
  assert.match(hintOf(-28, 'epoll_ctl'), /max_user_watches/)
  assert.match(hintOf(-12, 'mmap'), /memory cgroup/)
  assert.match(hintOf(-7, 'bpf(BPF_MAP_UPDATE_ELEM)'), /the map is full/)
  assert.is(hintOf(-16, 'bpf(BPF_LINK_CREATE)', 'only one may be there'), 'only one may be there')
})

test('a file that belongs to someone else is shown with owner and mode', () => {
  const hint = systemError(-13, 'openat', { doing: 'opening', path: root }).hint
  assert.is(hint, `'${root}' belongs to user 0 and has mode 0755`)
})

test('who may not open a pin is told about the pin, and not about capabilities that opening does not take', () => {
  const path = join(root, 'flows')
  const fd = opened(mapCreate(array))
  assert.is(objPin(fd, path), 0)
  closeFd(fd)
  // what the kernel answers to who has neither
  const script = `
    const { objGet, systemError } = await import('${new URL('../../src/syscall/index.ts', import.meta.url).href}')
    console.log(systemError(objGet('${path}'), 'bpf(BPF_OBJ_GET)', { doing: 'opening', path: '${path}' }).hint)`
  const hook = new URL('../ts-hook.mjs', import.meta.url).href
  for (const directory of [root, join(root, '..'), join(root, '../..')]) chmodSync(directory, 0o755)
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath]
  const said = execFileSync('setpriv', [...nobody, '--import', hook, '--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  assert.is(said.trim(), `'${path}' belongs to user 0 and has mode 0600`)
  rmSync(path)
})

test('a directory where a pin should be is called one', () => {
  const error = systemError(objGet(root), 'bpf(BPF_OBJ_GET)', { doing: 'opening', path: root })
  assert.is(error.code, 'EACCES')
  assert.is(error.hint, `'${root}' is a directory, not a pin`)
})

test('a link that leads off bpffs does not make its own directory one that is not on bpffs', () => {
  const path = join(root, 'link')
  symlinkSync('/tmp', path)
  const error = pinError(path)
  assert.is(error.code, 'EEXIST')
  assert.match(error.hint ?? '', /^something is there, /)
  rmSync(path)
})

test('a kernel without bpf(2), and a file system that is read-only, are named', () => {
  assert.is(
    systemError(-38, 'bpf(BPF_MAP_CREATE)', { doing: 'creating' }).hint,
    'this kernel was built without bpf(2)',
  )
  assert.match(systemError(-30, 'bpf(BPF_OBJ_GET)', { doing: 'opening', path: root }).hint ?? '', /read-only/)
})

test('looking for the reason does not change the errno that is reported', () => {
  interceptSyscalls(() => -5)
  const error = systemError(-1, 'bpf(BPF_OBJ_PIN)', { doing: pinning, path: join(root, 'x') })
  interceptSyscalls(undefined)
  assert.is(error.code, 'EPERM')
})

test.run()
