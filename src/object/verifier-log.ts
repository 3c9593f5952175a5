/**
 * The cause in a verifier log, as one line: the verifier's last word, the instruction it was about and the source line
 * in front of that; `undefined` where the log has no such word.
 *
 * @example
 * summarize(log) // "R0 invalid mem access 'map_value_or_null' at 7: (79) r1 = *(u64 *)(r0 +0) (*slot += 1; at f.c:24)"
 */
export function summarize(log: string): string | undefined {
  const lines = log.split('\n').map(line => line.trim())
  const last = lines.findLastIndex(isCause)
  if (last < 0) return undefined
  const instruction = lines.slice(0, last).findLast(line => instructionLine.test(line))
  const source = lines.slice(0, last).findLast(line => line.startsWith(';'))
  const at = instruction ? ` at ${withoutState(instruction)}` : ''
  return `${lines[last]}${at}${source ? ` (${sourceOf(source)})` : ''}`
}

/** The instruction, by number, that calls a helper that there is none of; `undefined` where the verifier met no such call. */
export function reachedCall(log: string): number | undefined {
  const found = /^(\d+): \(85\) call unknown#\d+\b/m.exec(log)
  return found ? Number(found[1]) : undefined
}

/** The source line that such a call is in, where the program has source lines. */
export function sourceBefore(log: string): string | undefined {
  const lines = log.split('\n').map(line => line.trim())
  const call = lines.findIndex(line => / call unknown#\d/.test(line))
  const source = lines.slice(0, Math.max(call, 0)).findLast(line => line.startsWith(';'))
  return source && sourceOf(source)
}

/** What the kernel would have to be for some refusals to go away (kernel/bpf/verifier.c: check_pseudo_btf_id). */
const remedies: readonly (readonly [RegExp, string])[] = [
  [
    /^ldimm64 failed to find the address for kernel symbol/m,
    'the kernel tells where its variables are only if it is built with CONFIG_KALLSYMS_ALL=y',
  ],
  [
    /^pseudo btf_id \d+ in ldimm64 isn't KIND_VAR\./m,
    'the address of a kernel function, as bpf_ksym_exists() takes it, needs Linux 6.4: before, leave the program out (autoload)',
  ],
]

/** What can be done about a refusal that is about the kernel and not about the program. */
export function remedyIn(log: string): string | undefined {
  return remedies.find(([pattern]) => pattern.test(log))?.[1]
}

/** `7: (79) r1 = *(u64 *)(r0 +0)`, and since Linux 5.17 the state of the registers behind a `;`. */
const instructionLine = /^\d+: \([0-9a-f]{2}\) /
/** What follows the verifier's last word: statistics (kernel/bpf/verifier.c: print_verification_stats). */
const statisticsLine = /^(processed \d+ insns|verification time|stack depth|insns processed|$)/
/** States of the registers: `from 5 to 7: R0=...`, `5: R1=ctx() R10=fp0`. */
const stateLine = /^(\d+: R\d|from \d+ to \d+|\d+: safe$)/
/** What is said of functions that passed: `Validating thrice() func#2...`, `Func#2 ('thrice') is safe for any args ...`. */
const passedLine = /^(Validating \S+ func#\d+|Func#\d+ .*is safe for any args)/

function isCause(line: string): boolean {
  return (
    !statisticsLine.test(line) &&
    !passedLine.test(line) &&
    !instructionLine.test(line) &&
    !stateLine.test(line) &&
    !line.startsWith(';')
  )
}

function withoutState(instruction: string): string {
  return instruction.replace(/\s+;.*$/, '')
}

/** `; *slot += 1; @ file.bpf.c:24` since Linux 6.8, only the text before. */
function sourceOf(line: string): string {
  return line
    .replace(/^;\s*/, '')
    .replace(/ @ ([^\s]+)$/, ' at $1')
    .replace(/\s+/g, ' ')
}
