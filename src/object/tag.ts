import { machineIsLittleEndian } from '../btf/byte-order.ts'
import { assemble, functionsOf } from '../spec/assemble.ts'
import type { CoreTarget } from '../spec/core/candidates.ts'
import { resolveCore } from '../spec/core/relocate.ts'
import { resolveExterns } from '../spec/externs/resolve.ts'
import { instructionSize, pseudo } from '../spec/instructions.ts'
import type { ProgramSpec, Spec } from '../spec/types.ts'
import { digest } from './hash.ts'
import { RunningKernel } from './kernel-symbols.ts'

/** What the kernel would say of a program, had this object loaded it. */
export interface Likeness {
  /** In hexadecimal, as `bpftool prog show` prints them: one of these, by the kernel's version. */
  readonly tags: readonly string[]
  /** The maps that its instructions refer to, by name, each once, in the order of the first reference. */
  readonly maps: readonly string[]
}

/**
 * What the kernel would say of programs of an object. Its tag is a checksum of the instructions without the maps that they
 * refer to: equal code that works on other maps, or on another variable, has the same.
 *
 * @param types what CO-RE relocations are resolved by; without them the running kernel's
 */
export function likenesses(
  spec: Spec,
  programs: readonly ProgramSpec[],
  types?: CoreTarget,
): Map<string, Likeness> {
  using kernel = new RunningKernel()
  const core = resolveCore(spec, new Set(programs.flatMap(functionsOf)), types ?? kernel)
  const externs = resolveExterns(spec, kernel)
  return new Map(
    programs.map(program => {
      const maps = new Set<string>()
      const noDescriptor = (name: string): number => {
        maps.add(name)
        return 0
      }
      const { instructions } = assemble(spec, program, noDescriptor, core, externs.byName)
      return [program.name, { tags: tagsOf(instructions), maps: [...maps] }]
    }),
  )
}

const BPF_LD_IMM64 = 0x18
const tagLength = 8

/** kernel/bpf/core.c: bpf_prog_calc_tag takes SHA-1, since Linux 6.18 SHA-256, and the first 8 bytes of it. */
export function tagsOf(instructions: Uint8Array): string[] {
  const bytes = withoutMaps(instructions)
  // two digits a byte
  return (['sha256', 'sha1'] as const).map(hash => digest(hash, bytes).slice(0, 2 * tagLength))
}

/** As the kernel does, whatever a descriptor or an offset was: the immediate halves of loads of a map become zero. */
function withoutMaps(instructions: Uint8Array): Uint8Array {
  const bytes = instructions.slice()
  for (let at = 0; at + instructionSize <= bytes.length; at += instructionSize) {
    if (bytes[at] !== BPF_LD_IMM64) continue
    // struct bpf_insn: the destination register is in the first bits of the byte, as this machine counts them
    const registers = bytes[at + 1]!
    const source = machineIsLittleEndian ? registers >> 4 : registers & 15
    if (source === pseudo.MAP_FD || source === pseudo.MAP_VALUE) {
      bytes.fill(0, at + 4, at + 8)
      bytes.fill(0, at + 12, at + 16)
    }
    at += instructionSize
  }
  return bytes
}
