import { existsSync } from 'node:fs'
import { release } from 'node:os'
import type { Btf } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { readBtfFile } from './btf-file.ts'

const vmlinuxPath = '/sys/kernel/btf/vmlinux'

// 6 MB that a process which has loaded its object never looks at again; within one turn of the event loop they stay
let vmlinux: WeakRef<Btf> | undefined

/**
 * The types of the running kernel, read on first use and kept while they are used. Needs no privilege, and Linux 5.4 with
 * CONFIG_DEBUG_INFO_BTF. They are mapped where that can be done, or read straight into the parser's memory: less than `parseBtf()`
 * of the file takes.
 *
 * @example
 * kernelTypes().find('task_struct', 'struct')?.size
 *
 * @throws BpfError ENOENT on a kernel without CONFIG_DEBUG_INFO_BTF whose vmlinux is nowhere either.
 */
export function kernelTypes(): Btf {
  const known = vmlinux?.deref()
  if (known) return known
  const btf = readKernel()
  vmlinux = new WeakRef(btf)
  return btf
}

function readKernel(): Btf {
  try {
    return readBtfFile(vmlinuxPath)
  } catch (cause) {
    if (!(cause instanceof BpfError) || cause.code !== 'ENOENT') throw cause
    for (const path of vmlinuxFiles(release())) if (existsSync(path)) return readBtfFile(path)
    throw new BpfError(`this kernel does not describe its own types: cannot open ${vmlinuxPath}`, {
      code: cause.code,
      path: vmlinuxPath,
      hint: 'it must be built with CONFIG_DEBUG_INFO_BTF=y, or its types be given: openObject(path, { btf })',
      cause,
    })
  }
}

/** Where distributions put a kernel with its symbols. */
function vmlinuxFiles(release: string): string[] {
  return [
    `/boot/vmlinux-${release}`,
    `/lib/modules/${release}/vmlinux-${release}`,
    `/lib/modules/${release}/build/vmlinux`,
    `/usr/lib/modules/${release}/kernel/vmlinux`,
    `/usr/lib/debug/boot/vmlinux-${release}`,
    `/usr/lib/debug/boot/vmlinux-${release}.debug`,
    `/usr/lib/debug/lib/modules/${release}/vmlinux`,
  ]
}
