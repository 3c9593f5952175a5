/**
 * Helpers that poisoned instructions call. There are none of these numbers, so the verifier refuses a program that can
 * reach the call, and removes one that cannot be reached. libbpf's numbers, as logs are searched for them: those of maps and
 * kernel functions count on from here.
 */
export const poison = { core: 195896080, map: 2001000000, kernelFunction: 2002000000 } as const

/** An instruction that needs what is not there: the verifier refuses a program that can reach it. */
export interface Poisoned {
  /** What it needs, and why that is not there, as the end of a sentence. */
  readonly needs: () => string
  /** What can be done about it. */
  readonly hint: string
}
