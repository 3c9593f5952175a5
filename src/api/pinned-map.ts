import { basename, dirname, resolve } from 'node:path'
import { parseBtf } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { BpfMap, shapeOf } from '../map/index.ts'
import { closeGeneration, type Generation, openGeneration, Root } from '../pin/index.ts'
import { openPinnedMap } from '../pin/open.ts'
import { directories, pathOf } from '../plan/layout.ts'
import { decodeName } from '../plan/names.ts'
import { entryTypes } from '../spec/from-btf.ts'

/**
 * Opens a map by its path for reading, with the types that the manifest of its generation keeps: these take no
 * CAP_SYS_ADMIN, and are there for maps whose types the kernel does not keep. Nothing else of the object is opened.
 *
 * @returns `undefined` for what is no map of a generation, or not the one that was pinned there
 * @throws BtfError where the manifest's BTF is broken.
 */
export function openGenerationMap(path: string): BpfMap | undefined {
  const directory = dirname(resolve(path))
  if (basename(directory) !== directories.map) return undefined
  const object = dirname(directory)
  using root = undefinedIfRefused(() => Root.find(dirname(object)))
  const generation = root && findGeneration(root, decodeName(basename(object)))
  if (!generation) return undefined
  try {
    return openIn(generation, `${directories.map}/${basename(path)}`)
  } finally {
    closeGeneration(generation)
  }
}

function findGeneration(root: Root, object: string): Generation | undefined {
  return undefinedIfRefused(() => openGeneration(root, object, 'any'))
}

function openIn(generation: Generation, path: string): BpfMap | undefined {
  const { pins, btf: bytes, name } = generation.manifest
  const maps = pins.filter(({ kind }) => kind === 'map')
  const record = maps.find(pin => pathOf(pin) === path)
  if (!record || bytes.length === 0) return undefined
  const btf = parseBtf(bytes, { where: `BTF of '${name}'` })
  const names = maps.map(pin => pin.name)
  const types = entryTypes(btf, names).get(record.name)
  if (!types) return undefined
  const opened = undefinedIfRefused(() => openPinnedMap(generation, record, { readOnly: true, owner: 'any' }))
  if (!opened) return undefined
  const { fd, info } = opened
  return new BpfMap({
    ...{ fd, name: record.name, shape: shapeOf(info), id: info.id, readOnly: true },
    types: { btf, ...types },
  })
}

/** Why it was refused is said by whoever opens the path then, generation or not. */
function undefinedIfRefused<T>(open: () => T): T | undefined {
  try {
    return open()
  } catch (error) {
    if (error instanceof BpfError) return undefined
    throw error
  }
}
