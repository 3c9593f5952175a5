import { readdirSync, readFileSync } from 'node:fs'
import { openObject } from '../../src/api/open-object.ts'
import { generateSkeleton, type Skeleton } from '../../src/codegen/index.ts'
import type { Spec } from '../../src/spec/types.ts'
import { fixture } from '../fixtures.ts'

/** The names of all fixtures but the one that cannot be opened. */
export function fixtureNames(): string[] {
  return readdirSync(new URL('../fixtures/', import.meta.url))
    .filter(name => name.endsWith('.bpf.o'))
    .map(name => name.replace('.bpf.o', ''))
    .filter(name => name !== 'pinning-invalid')
}

/** The skeleton of a fixture, and the spec that it was made of. */
export function generate(
  name: string,
  types: readonly string[] = [],
): { readonly spec: Spec; readonly skeleton: Skeleton } {
  const path = fixture(name)
  const { spec } = openObject(path)
  const bytes = readFileSync(path)
  const source = `${name}.bpf.o`
  return { spec, skeleton: generateSkeleton(spec, { source, bytes, types }) }
}
