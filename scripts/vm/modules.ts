import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Kernel } from './kernels.ts'

/** What the tests need and Debian does not build into its kernels. */
const wanted = ['veth', 'dummy', 'sch_ingress', 'cls_bpf', 'nf_conntrack', 'nf_nat']

/** A module, uncompressed: the loader in the machine takes nothing else. */
export interface Module {
  readonly name: string
  readonly bytes: Uint8Array
}

/** The modules that tests need and those that these need, in the order in which they load. */
export function modulesOf(kernel: Kernel): Module[] {
  const files = new Map(
    readdirSync(kernel.modules, { recursive: true, encoding: 'utf8' })
      .filter(file => /\.ko(?:\.xz)?$/.test(file))
      .map(file => [nameOf(file), join(kernel.modules, file)]),
  )
  const loaded = new Map<string, Module>()
  const load = (name: string): void => {
    const file = files.get(name)
    // one that is not there is built in: it is what the kernel has that the tests find out
    if (file === undefined || loaded.has(name)) return
    const bytes = contents(file)
    for (const needed of dependencies(bytes)) load(needed)
    loaded.set(name, { name, bytes })
  }
  for (const name of wanted) load(name)
  return [...loaded.values()]
}

/** Files have `-` where the kernel has `_`. */
function nameOf(file: string): string {
  return basename(file)
    .replace(/\.ko.*$/, '')
    .replaceAll('-', '_')
}

function contents(file: string): Uint8Array {
  if (!file.endsWith('.xz')) return readFileSync(file)
  return execFileSync('xz', ['-dc', file], { maxBuffer: 64 << 20 })
}

/** From the module's own description of itself, section .modinfo. */
function dependencies(bytes: Uint8Array): string[] {
  const found = /\0depends=([^\0]*)\0/.exec(Buffer.from(bytes).toString('latin1'))
  return found?.[1]?.split(',').filter(Boolean).map(nameOf) ?? []
}
