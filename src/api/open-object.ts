import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { BpfError, fileError } from '../errors.ts'
import { tokenPlace, typesIn } from '../object/index.ts'
import { mustBeText, optionsOf, shown } from '../options.ts'
import { rootPath } from '../pin/index.ts'
import type { Layout } from '../plan/layout.ts'
import { defaultRoot, encodeObjectName, objectNameOf } from '../plan/names.ts'
import { parseSpec } from '../spec/parse.ts'
import { ObjectSpec } from './object-spec.ts'

export interface OpenOptions {
  /** The object's name, which its directory on bpffs has. Default: the file name less `.bpf.o` or `.o`. */
  readonly name?: string
  /**
   * Directory on bpffs, absolute or from the working directory; made if it is not there. Default `/sys/fs/bpf`. One that is
   * open is `/proc/self/fd/N`: it stands for the path that it has when this is called; where it has none, as on a bpffs
   * that is mounted nowhere, nothing can be pinned outside of the object's own directory.
   */
  readonly root?: string
  /** `'libbpf'`: maps marked LIBBPF_PIN_BY_NAME are shared with programs on libbpf, at `<root>/<map>`. */
  readonly layout?: Layout
  /**
   * A file with the types of the kernel that CO-RE relocations are resolved by: BTF, or an ELF file with a `.BTF` section.
   * Default: those of the running kernel and its modules. For kernels that do not describe themselves (BTFHub has files for
   * many). Read when the object is loaded, and only if it has CO-RE relocations.
   */
  readonly btf?: string
  /**
   * Values of the kernel's configuration for what the object declares `__kconfig`: lines `CONFIG_NAME=value`. They count more
   * than those of the running kernel, which are at `/boot/config-RELEASE` or `/proc/config.gz` and are read, if any value is
   * still missing, by the first call that loads, finds or plans.
   */
  readonly kconfig?: string
  /**
   * Where a bpffs is mounted that delegates (`delegate_cmds` and so on) what this process may not do by itself, being in a
   * user namespace: BPF tokens are taken from it. For the rest of the process. By default where the environment says
   * (LIBBPF_BPF_TOKEN_PATH), else from `/sys/fs/bpf`, and in any case only after the kernel said no. Linux 6.9.
   */
  readonly token?: string
}

/**
 * Reads a BPF object. Pure, but for reading the file.
 *
 * @param source a path, or the bytes of the object with `name` in the options
 * @throws ElfError, BtfError with the place that is wrong; BpfError `ERR_NAME`, `ERR_VALUE` for options that cannot be.
 *
 * @example
 * using counter = openObject('counter.bpf.o').upgrade()
 */
export function openObject(source: string | Uint8Array, given: OpenOptions = {}): ObjectSpec {
  const options = optionsOf(given, 'openObject()')
  const name = options.name ?? (typeof source === 'string' ? objectNameOf(source) : undefined)
  if (name === undefined) {
    throw new BpfError('an object opened from bytes needs a name', {
      code: 'ERR_NAME',
      hint: "pass { name: '...' }",
    })
  }
  const { root = defaultRoot, layout = 'object', btf, kconfig, token } = options
  const texts: Readonly<Record<string, unknown>> = { name, root, btf, kconfig, token }
  for (const what in texts) if (texts[what] !== undefined) mustBeText(`the object's ${what}`, texts[what])
  if (layout !== 'object' && layout !== 'libbpf') {
    throw new BpfError(`layout ${shown(layout)}: there are 'object' and 'libbpf'`, {
      code: 'ERR_VALUE',
    })
  }
  const directory = encodeObjectName(name)
  const isFile = typeof source === 'string'
  const bytes = isFile ? readObject(source) : source
  const site = { root: root === defaultRoot ? root : rootPath(root), directory, layout }
  const types = btf === undefined ? undefined : typesIn(btf)
  return new ObjectSpec(parseSpec(bytes, name, { isOwn: isFile }), site, {
    types,
    kconfig,
    tokens: token === undefined ? undefined : tokenPlace(token),
  })
}

function readObject(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    const where = path.startsWith('/') ? undefined : `it was looked for at ${resolve(path)}`
    throw fileError(`reading object '${path}'`, path, cause, where)
  }
}
