import { directories, isOutside, type PinKind, type Place } from './layout.ts'
import { manifestName, nextSuffix } from './names.ts'

/**
 * One change on bpffs. Steps are data: printed, tested without a kernel, applied one by one, and stopped after any of
 * them. Paths that do not start with `/` are below the object's root.
 */
export type Step =
  | { readonly do: 'make-directory'; readonly path: string }
  /** Pins something that the process holds. */
  | { readonly do: 'pin'; readonly kind: PinKind; readonly name: string; readonly path: string }
  /** Freezes and pins the manifest. */
  | { readonly do: 'write-manifest'; readonly path: string }
  /** Gives a directory its other name; refused where something has that name already. */
  | { readonly do: 'rename'; readonly from: string; readonly to: string }
  /** Takes a link off its hook, where the kernel can. */
  | { readonly do: 'detach'; readonly name: string; readonly path: string; readonly id: number }
  /** Removes a pin if it still is what it is said to be. */
  | {
      readonly do: 'unpin'
      readonly kind: PinKind | 'manifest'
      readonly name: string
      readonly path: string
      readonly id: number | null
    }
  /** Removes a directory if it is empty. */
  | { readonly do: 'remove-directory'; readonly path: string }

/** All that a new generation pins, in the order of the object. */
export function pinSteps(object: string, places: readonly Place[]): Step[] {
  const next = `${object}${nextSuffix}`
  const steps: Step[] = [{ do: 'make-directory', path: next }]
  for (const kind of kindsInOrder) {
    const ofKind = places.filter(place => place.kind === kind)
    if (ofKind.some(({ path }) => !isOutside(path))) {
      steps.push({ do: 'make-directory', path: `${next}/${directories[kind]}` })
    }
    for (const { name, path } of ofKind) {
      steps.push({ do: 'pin', kind, name, path: isOutside(path) ? path : `${next}/${path}` })
    }
  }
  steps.push({ do: 'write-manifest', path: `${next}/${manifestName}` })
  steps.push({ do: 'rename', from: next, to: object })
  return steps
}

const kindsInOrder: readonly PinKind[] = ['map', 'program', 'link']

/** A pin with the id that the manifest says it has. */
export interface KnownPlace extends Place {
  readonly id: number
}

/**
 * Removes a generation: first its name, so that nobody finds half of it; links before what they run; the manifest
 * last, so that a stop in between leaves a directory that says what it is.
 *
 * @param inPlace keeps the name, because something in the directory is not ours to move
 */
export function unpinSteps(object: string, pins: readonly KnownPlace[], inPlace: boolean): Step[] {
  const at = inPlace ? object : `${object}${nextSuffix}`
  const fullPath = (path: string): string => (isOutside(path) ? path : `${at}/${path}`)
  const steps: Step[] = inPlace ? [] : [{ do: 'rename', from: object, to: at }]
  for (const { kind, name, path, id } of pins) {
    if (kind === 'link') steps.push({ do: 'detach', name, path: fullPath(path), id })
  }
  for (const kind of [...kindsInOrder].reverse()) {
    const ofKind = pins.filter(pin => pin.kind === kind)
    for (const { name, path, id } of ofKind) steps.push({ do: 'unpin', kind, name, path: fullPath(path), id })
    if (ofKind.some(({ path }) => !isOutside(path))) {
      steps.push({ do: 'remove-directory', path: `${at}/${directories[kind]}` })
    }
  }
  steps.push({ do: 'unpin', kind: 'manifest', name: object, path: `${at}/${manifestName}`, id: null })
  steps.push({ do: 'remove-directory', path: at })
  return steps
}
