import type { Target } from '../contract.ts'
import { btfTarget } from './btf.ts'
import { coreTarget } from './core.ts'
import { elfTarget } from './elf.ts'
import { extTarget } from './ext.ts'
import { kconfigTarget } from './kconfig.ts'
import { kernelBtfTarget } from './kernel-btf.ts'
import { manifestTarget } from './manifest.ts'
import { namesTarget } from './names.ts'
import { binaryTarget, notesTarget } from './notes.ts'
import { parserTarget } from './parser.ts'
import { specTarget } from './spec.ts'

/** All that is fuzzed, by the name that `--only` takes. */
export const targets: readonly Target[] = [
  elfTarget,
  btfTarget,
  extTarget,
  parserTarget,
  specTarget,
  coreTarget,
  kconfigTarget,
  notesTarget,
  binaryTarget,
  kernelBtfTarget,
  manifestTarget,
  namesTarget,
]
