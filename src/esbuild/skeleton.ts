import { basename } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { generateSkeleton, type Skeleton } from '../codegen/index.ts'
import { objectNameOf } from '../plan/names.ts'
import { parseSpec } from '../spec/parse.ts'

const kinds = ['struct', 'union', 'enum', 'enum64', 'typedef'] as const

/**
 * The typed skeleton of an object file.
 *
 * @param types further types to declare, as far as the object has them
 * @throws ElfError, BtfError where it is no BPF object.
 */
export function skeletonOf(path: string, bytes: Uint8Array, types: readonly string[]): Skeleton {
  const spec = parseSpec(bytes, objectNameOf(path))
  const own = types.filter(name => kinds.some(kind => spec.btf?.find(name, kind) !== undefined))
  return generateSkeleton(spec, {
    source: basename(path),
    bytes,
    types: own,
    brotli: brotliCompressSync,
    worthwhile: 1024,
  })
}
