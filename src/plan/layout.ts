import { BpfError } from '../errors.ts'
import type { LinkOwner } from '../spec/link-owner.ts'
import { loadedPrograms } from '../spec/loaded.ts'
import type { MapSpec, ProgramSpec, Spec } from '../spec/types.ts'
import { encodeLabel, encodeLinkName, encodeName } from './names.ts'

/** What can be pinned. */
export type PinKind = 'map' | 'program' | 'link'

/** The directories of a generation, by what is in them. */
export const directories: Readonly<Record<PinKind, string>> = {
  map: 'maps',
  program: 'programs',
  link: 'links',
}

/**
 * Who else looks for the maps: `object` keeps all of an object in its own directory; `libbpf` puts maps that are marked
 * LIBBPF_PIN_BY_NAME at `<root>/<map>`, where programs on libbpf find them.
 */
export type Layout = 'object' | 'libbpf'

/** A layout below a root. */
export interface LayoutAt {
  readonly root: string
  readonly layout: Layout
}

/** Where something is pinned: inside the generation's directory, or at an absolute path outside of it. */
export interface Place {
  readonly kind: PinKind
  /** Name in the object. */
  readonly name: string
  /** Its name in the generation's directory for its kind, `:rodata`; an absolute path for what lies outside. */
  readonly file: string
}

/** Where the maps and programs of an object are pinned; where its links are is asked for by {@link linkPlace}. */
export function placesOf(spec: Spec, { root, layout }: LayoutAt): Place[] {
  const places: Place[] = []
  for (const map of spec.maps) {
    const place = mapPlace(map, root, layout)
    if (place) places.push(place)
  }
  for (const program of loadedPrograms(spec)) {
    const place = programPlace(program, root)
    if (place) places.push(place)
  }
  return places
}

/** Where a map is pinned, or `null` if it is not. */
export function mapPlace(map: MapSpec, root: string, layout: Layout): Place | null {
  if (!map.autocreate) return null
  const elsewhere = layout === 'libbpf' && map.pinByName ? `${root}/${map.name}` : undefined
  return place('map', map.name, map.pinPath === undefined ? elsewhere : map.pinPath, root)
}

/** Where a program that is loaded is pinned, or `null` if it is not. */
export function programPlace(program: ProgramSpec, root: string): Place | null {
  return place('program', program.name, program.pinPath, root)
}

/**
 * Where a link of a program or of a struct_ops map is pinned, or `null` if it is not. Each label has a pin of its own,
 * also beside a place that was asked for.
 */
export function linkPlace(owner: LinkOwner, root: string, label?: string): Place | null {
  const { name, link } = owner
  if (link.pinPath === null) return null
  if (label === undefined) return place('link', name, link.pinPath, root)
  const file =
    link.pinPath === undefined
      ? encodeLinkName(name, label)
      : below(root, `${link.pinPath}${encodeLabel(label)}`, `link '${name}~${label}'`)
  return { kind: 'link', name: `${name}~${label}`, file }
}

function place(kind: PinKind, name: string, asked: string | null | undefined, root: string): Place | null {
  if (asked === null) return null
  const file = asked === undefined ? encodeName(name) : below(root, asked, `${kind} '${name}'`)
  return { kind, name, file }
}

/**
 * A path that is asked for and is not absolute is below the root. There is one way to write a path, so that two that are
 * the same look the same.
 *
 * @throws BpfError `ERR_NAME` for what names no file, or names it in another way.
 */
function below(root: string, path: string, what: string): string {
  const [first, ...names] = path.split('/')
  const isWell = [...(first === '' ? [] : [first]), ...names].every(isFileName)
  if (isWell && path !== '') return lasting(first === '' ? path : `${root}/${path}`, what)
  throw new BpfError(`${what} cannot be pinned at '${path}': that is no path of a file`, {
    code: 'ERR_NAME',
    path,
    hint: "a pinPath is absolute or below the root, without '.', '..' or empty names in it",
  })
}

/** A manifest is read by other processes, to which the numbers of descriptors mean something else. */
function lasting(path: string, what: string): string {
  if (!/^\/(proc|dev\/fd)\//.test(path)) return path
  throw new BpfError(`${what} cannot be pinned at ${path}: another process would not find it there`, {
    code: 'ERR_NAME',
    path,
    hint: "give a path on a mounted bpffs: an open directory that has none takes what is pinned in the object's own",
  })
}

function isFileName(name: string | undefined): boolean {
  return name !== undefined && name !== '' && name !== '.' && name !== '..' && !name.includes('\0')
}

/**
 * Where the further links are pinned that one link is made of, counted from 2: beside it, by names that no label makes, as none
 * has a `+`. They have pins as if each were a link of its own, and no word in the manifest's list of links.
 */
export function partPlace({ kind, name, file }: Place, number: number): Place {
  return { kind, name: `${name}~+${number}`, file: partFile(file, number) }
}

export function partFile(file: string, number: number): string {
  return `${file}~+${number}`
}

/** Name of the link that a further one is a part of; `undefined` for a link of its own. */
export function wholeOf(name: string): string | undefined {
  return /^(.+)~\+\d+$/.exec(name)?.[1]
}

/** Is the file of a place outside of the generation's directory? */
export function isOutside(file: string): boolean {
  return file.startsWith('/')
}

/** The path of a place: below the generation's directory, `maps/:rodata`, or absolute. */
export function pathOf({ kind, file }: Pick<Place, 'kind' | 'file'>): string {
  return isOutside(file) ? file : `${directories[kind]}/${file}`
}

/** The path of a place of a generation that is at `generation`, which may be relative. */
export function fullPath(place: Pick<Place, 'kind' | 'file'>, generation: string): string {
  return isOutside(place.file) ? place.file : `${generation}/${directories[place.kind]}/${place.file}`
}
