import { directories, fullPath, isOutside, type PinKind, type Place } from './layout.ts'
import type { PinRecord } from './manifest.ts'
import { draftName, manifestName, nextSuffix } from './names.ts'

/**
 * One change on bpffs. Steps are data: printed, tested without a kernel, applied one by one, and stopped after any of
 * them. Paths that do not start with `/` are below the object's root.
 */
export type Step =
  | { readonly do: 'make-directory'; readonly path: string }
  /** Pins something that the process holds. */
  | (Spot & { readonly do: 'pin'; readonly kind: PinKind; readonly name: string })
  /** Pins the manifest: as a draft before anything is pinned outside of the directory, as what it is at the end. */
  | { readonly do: 'write-manifest'; readonly path: string }
  /** Gives the staged generation its name; refused where something has that name already. */
  | { readonly do: 'publish'; readonly from: string; readonly to: string }
  /** Puts a generation in the place of the empty staging directory, where nobody looks for it. */
  | { readonly do: 'withdraw'; readonly from: string; readonly to: string }
  /** Takes a link off its hook, where the kernel can. */
  | { readonly do: 'detach'; readonly name: string; readonly path: string; readonly id: number }
  /** Removes a pin if it still is what it is said to be. */
  | (Spot & {
      readonly do: 'unpin'
      readonly kind: PinKind | 'manifest'
      readonly name: string
      readonly id: number | null
      /** It was just seen to be what it is said to be, by its inode number. */
      readonly isSeen?: true
    })
  /** Removes a directory if it is empty. */
  | { readonly do: 'remove-directory'; readonly path: string }
  /** Carries the entries of a map over to the one that takes its place; what was carried is kept in a map at `path`. */
  | { readonly do: 'copy'; readonly map: string; readonly path: string }
  /** Attaches a program, and pins the link. */
  | { readonly do: 'attach'; readonly name: string; readonly path: string }
  /** Puts a manifest in the place of the one that was written before the ids of all links were known. */
  | { readonly do: 'rewrite-manifest'; readonly path: string }
  /** The commit of an upgrade: the two directories change their names, at once. */
  | { readonly do: 'exchange'; readonly from: string; readonly to: string }
  /** As `exchange`, for a pin outside of the directory, which was made beside the old one. */
  | {
      readonly do: 'swap'
      readonly kind: PinKind
      readonly name: string
      readonly from: string
      readonly to: string
      /** Of what `to` is to be. */
      readonly id: number
    }
  /** Makes a link run the program of its new generation; of a struct_ops link, what is in the map. */
  | {
      readonly do: 'update-link'
      readonly name: string
      readonly path: string
      readonly kind: 'program' | 'map'
      readonly program: string
    }
  /** Waits until the kernel has let go of links, a second at most. */
  | { readonly do: 'await-links'; readonly ids: readonly number[] }
  /** Waits until no program that a link ran before runs any more. */
  | { readonly do: 'await-programs' }
  /** Carries over what changed in a map since it was copied. */
  | { readonly do: 'sweep'; readonly map: string; readonly path: string }
  /** Gives a pin or directory another name, which nothing has. */
  | { readonly do: 'move'; readonly from: string; readonly to: string }
  /** Removes a generation that was kept. */
  | { readonly do: 'drop-previous'; readonly path: string }

/** Where a pin is. Thousands of steps work in one directory: their paths are not put together to be taken apart. */
export interface Spot {
  /** Below the object's root, which is `''`, or absolute. */
  readonly directory: string
  /** Its name there. */
  readonly file: string
}

/** The spot of a path. */
export function spotOf(path: string): Spot {
  const slash = path.lastIndexOf('/')
  return { directory: slash === 0 ? '/' : path.slice(0, Math.max(slash, 0)), file: path.slice(slash + 1) }
}

/** The path of a spot. */
export function pathAt({ directory, file }: Spot): string {
  return directory === '' ? file : directory === '/' ? `/${file}` : `${directory}/${file}`
}

/** Something to be pinned; `shared`: it is pinned there already. */
export interface PlannedPin extends Place {
  readonly shared?: true
}

/**
 * All that a new generation pins, in the order of the object, in the staging directory that the writer's lock made. What
 * lies outside of it is written down first, so that it is found again if this process is stopped.
 *
 * @param outside directories that must be made for what lies outside
 */
export function pinSteps(
  object: string,
  pins: readonly PlannedPin[],
  outside: readonly string[] = [],
): Step[] {
  const places = pins.filter(({ shared }) => !shared)
  const next = `${object}${nextSuffix}`
  const draft = `${next}/${draftName}`
  const hasOutside = places.some(({ file }) => isOutside(file))
  const steps: Step[] = hasOutside ? [{ do: 'write-manifest', path: draft }] : []
  for (const path of outside) steps.push({ do: 'make-directory', path })
  for (const kind of kindsInOrder) {
    const ofKind = places.filter(place => place.kind === kind)
    const directory = `${next}/${directories[kind]}`
    if (ofKind.some(({ file }) => !isOutside(file))) steps.push({ do: 'make-directory', path: directory })
    for (const { name, file } of ofKind) {
      steps.push(
        isOutside(file)
          ? { do: 'pin', kind, name, ...spotOf(file) }
          : { do: 'pin', kind, name, directory, file },
      )
    }
  }
  steps.push({ do: 'write-manifest', path: `${next}/${manifestName}` })
  if (hasOutside) steps.push(manifestRemoval(object, draft))
  steps.push({ do: 'publish', from: next, to: object })
  return steps
}

/** Removes a manifest, or the draft of one. */
export function manifestRemoval(object: string, path: string): Step {
  return { do: 'unpin', kind: 'manifest', name: object, ...spotOf(path), id: null }
}

const kindsInOrder: readonly PinKind[] = ['map', 'program', 'link']

/**
 * Removes a generation: first its name, so that nobody finds half of it; links before what they run; the manifest
 * last, so that a stop in between leaves a directory that says what it is.
 *
 * @param inPlace keeps the name, because something in the directory is not ours to move
 * @param outside directories that were made for what lies outside
 * @param isSeen of each pin: was it just seen to be what it is said to be?
 */
export function unpinSteps(
  object: string,
  pins: readonly PinRecord[],
  {
    inPlace,
    outside = [],
    isSeen,
  }: {
    readonly inPlace: boolean
    readonly outside?: readonly string[] | undefined
    readonly isSeen: readonly boolean[]
  },
): Step[] {
  const at = inPlace ? object : `${object}${nextSuffix}`
  const steps: Step[] = inPlace ? [] : [{ do: 'withdraw', from: object, to: at }]
  for (const pin of pins) {
    if (pin.kind !== 'link' || pin.shared) continue
    steps.push({ do: 'detach', name: pin.name, path: fullPath(pin, at), id: pin.id })
  }
  for (const kind of [...kindsInOrder].reverse()) {
    const inside = `${at}/${directories[kind]}`
    let hasInside = false
    for (let i = 0; i < pins.length; i++) {
      const { kind: other, name, file, id, shared } = pins[i]!
      if (other !== kind || shared) continue
      hasInside ||= !isOutside(file)
      if (isOutside(file)) steps.push({ do: 'unpin', kind, name, ...spotOf(file), id })
      else if (isSeen[i]) {
        steps.push({ do: 'unpin', kind, name, directory: inside, file, id, isSeen: true })
      } else steps.push({ do: 'unpin', kind, name, directory: inside, file, id })
    }
    if (hasInside) steps.push({ do: 'remove-directory', path: inside })
  }
  for (const path of outside.toReversed()) steps.push({ do: 'remove-directory', path })
  steps.push(manifestRemoval(object, `${at}/${manifestName}`))
  steps.push({ do: 'remove-directory', path: at })
  return steps
}
