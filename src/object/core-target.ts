import type { Btf } from '../btf/index.ts'
import type { CoreTarget, TargetTypes } from '../spec/core/candidates.ts'
import { readBtfFile } from './btf-file.ts'
import { kernelTypes } from './kernel-btf.ts'
import { kernelModules } from './module-types.ts'

/** The types of the running kernel and its modules. */
export function runningKernel(): CoreTarget {
  const modules = kernelModules()
  return {
    main: () => ({ name: 'vmlinux', btf: kernelTypes() }),
    modules: name => modules.named(name),
  }
}

/** The types in a file, which are all that there are: modules would be of another kernel. */
export function typesIn(path: string): CoreTarget {
  let btf: Btf | undefined
  const main = (): TargetTypes => ({ name: path, btf: (btf ??= readBtfFile(path)) })
  return { main, modules: () => [] }
}
