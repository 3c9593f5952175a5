import type { ErrnoName } from '../errnos.ts'
import type { Mortal } from './dying.ts'

/**
 * Something that the library does to what is pinned, as the fault matrix and the kill matrix take it: both stop it somewhere,
 * look at what is there, and have it finished by the next call.
 */
export interface Operation {
  /** As its row in the tables is called. */
  readonly name: string
  /** Leads to where it begins, from wherever {@link finish} or a run to its end left things. */
  prepare(): void
  /**
   * It; `begin` is called where it begins, and what is kept is closed by who runs it.
   *
   * @returns what it found, where that must be the same whenever nothing is thrown
   */
  run(mortal: Mortal): string | undefined
  /** Another answer that is right where a call says this: who may not look does not see what is there. */
  mayFind?(found: string, errno: ErrnoName): boolean
  /**
   * Of what it is said that it may stop half done where it throws: `'never'`; `'after the commit'`, which the error says then;
   * `'always'` of removals.
   */
  readonly forward: 'never' | 'after the commit' | 'always'
  /** What must hold wherever it was stopped: nothing is pinned, or one whole generation. */
  mustBeWhole(text: string): void
  /** The next call, by whoever comes, and what must hold after it. */
  finish(text: string): void
  /** Removes all of it. */
  end(): void
}
