import type { PinKind } from '../plan/layout.ts'
import type { Manifest } from '../plan/manifest.ts'
import type { Root } from './root.ts'

/** What steps are carried out with. */
export interface Workshop {
  readonly root: Root
  /**
   * Descriptors of directories below the root that are locked, by name: what is done in them is done through these, so
   * that it does not matter who has which name.
   */
  readonly held: ReadonlyMap<string, number>
  /** Descriptor of something that is to be pinned; `undefined` where an upgrade is finished and somebody has removed its pin. */
  descriptorOf(kind: PinKind, name: string): number | undefined
  /** What a generation says of itself, as far as that is known when it is asked for. */
  manifest?(): Manifest
  /** Is told of the map that the manifest was written to. */
  written?(manifest: Manifest, fd: number): void
  /** What the generation before had of that name, where it is known. */
  oldOf?(kind: PinKind, name: string): OldItem | undefined
  /** Of an upgrade. */
  readonly succession?: SuccessionTools
  /** Permissions of new directories; pins get those of them that are not for directories only. */
  readonly mode: number
}

/** A map or program of the generation before. */
export interface OldItem {
  readonly id: number
  /** `undefined` where somebody has removed its pin. */
  readonly fd: number | undefined
}

/** What only an upgrade does. */
export interface SuccessionTools {
  /**
   * Attaches a program anew; the descriptors of its link, mostly one, which stay the tool's. `undefined` where that cannot be done and
   * must not keep the rest from being finished: the next upgrade attaches what is missing.
   */
  attach(link: string): readonly number[] | undefined
  /** A map to hold what was carried over of another; its descriptor, which stays the tool's. */
  snapshotOf(map: string): number
  /** Carries entries over before the commit. */
  copy(map: string): void
  /** Carries over what changed since. */
  sweep(map: string, snapshot: number): void
  /** Waits until what links ran before runs no more. */
  awaitPrograms(): void
  /** Waits for a second at most until links are gone; the ids of those that are not. */
  awaitLinks(ids: readonly number[]): readonly number[]
  /** Removes a generation that was kept. */
  dropPrevious(path: string): void
}

/** A pin or directory that was to be removed and was not. */
export interface Left {
  readonly path: string
  readonly why: string
}

/** What steps that remove things came to. */
export interface Removal {
  /** How many pins are gone by this; the manifest does not count. */
  readonly removed: number
  readonly left: readonly Left[]
  /** Names of links whose hook is gone. */
  readonly dead: readonly string[]
  /** Ids of links that somebody else holds. */
  readonly held: readonly number[]
}
