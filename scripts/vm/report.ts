import { release } from 'node:os'
import { isAtLeast } from '../../test/requirements.ts'
import type { Kernel } from './kernels.ts'

/** What the test runner reports of one file, as far as it is of use here. */
export interface FileReport {
  readonly file: string
  readonly passed: number
  readonly failures: readonly string[]
  readonly skips: readonly string[]
  /** Tests that need a later kernel. */
  readonly elsewhere: readonly { readonly name: string; readonly needs: readonly string[] }[]
}

/**
 * A test may be left out on an old kernel, but not on all: those that neither a machine nor this system has run are
 * failures.
 */
export function ranNowhere(kernels: readonly Kernel[], files: readonly FileReport[]): string[] {
  // one with tests of its own has not run the others
  const machines = kernels.filter(kernel => kernel.filters.length === 0).map(kernel => kernel.release)
  const problems = files.flatMap(({ file, elsewhere }) => {
    const here = file.includes('.vm.') ? [] : [release()]
    return elsewhere
      .filter(
        ({ needs }) => ![...machines, ...here].some(kernel => needs.every(need => isAtLeast(kernel, need))),
      )
      .map(
        ({ name, needs }) => `${file}: "${name}" needs ${needs.join(' and ')}, which none of the kernels is`,
      )
  })
  return [...new Set(problems)]
}
