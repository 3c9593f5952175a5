import type { TargetTypes } from '../spec/core/candidates.ts'
import type { KernelSymbols } from '../spec/externs/resolve.ts'
import { closeFd } from '../syscall/index.ts'
import { runningKernel } from './core-target.ts'
import { symbolAddresses } from './kallsyms.ts'
import { openModuleBtf } from './module-fd.ts'

/** What the running kernel and its modules define. For as long as an object is being loaded. */
export class RunningKernel implements KernelSymbols {
  readonly #types = runningKernel()
  readonly #descriptors = new Map<string, number>()

  main(): TargetTypes {
    return this.#types.main()
  }

  modules(name: string): Iterable<TargetTypes> {
    return this.#types.modules(name)
  }

  addresses(names: ReadonlySet<string>): ReadonlyMap<string, readonly bigint[]> {
    return symbolAddresses(names)
  }

  /** Linux 5.11, with CAP_SYS_ADMIN. */
  descriptor(module: string): number {
    const known = this.#descriptors.get(module)
    if (known !== undefined) return known
    const fd = openModuleBtf(module, 'looking for kernel functions')
    this.#descriptors.set(module, fd)
    return fd
  }

  [Symbol.dispose](): void {
    for (const fd of this.#descriptors.values()) closeFd(fd)
    this.#descriptors.clear()
  }
}
