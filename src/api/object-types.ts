import type { BpfLink } from '../link/index.ts'
import type { BpfMap, Variable } from '../map/index.ts'
import type { BpfProgram, BpfStructOps } from '../object/index.ts'
import type { PinnedLink } from '../pin/index.ts'
import type { MapSpec, ProgramSpec } from '../spec/types.ts'
import type { VariableSpec } from '../spec/variables.ts'
import type { Collection } from './collection.ts'

/**
 * What an object has, by name and with the types of its keys, values and variables: a typed skeleton (`bpfpin gen`)
 * states it. Without one nothing is known before the object is opened, and any name may be asked for.
 */
export interface ObjectTypes {
  readonly maps: { readonly [name: string]: BpfMap }
  readonly programs: string
  /** Names of the programs and struct_ops maps that may have a link. */
  readonly links: string
  readonly structOps: string
  readonly variables: { readonly [name: string]: Variable }
  /** Names of the variables that can be set before the object is loaded: all but the kernel's configuration. */
  readonly initial: string
}

/** A collection whose items are properties, too, where it is known which there are. A name that a collection has itself is none. */
export type Named<T extends { readonly name: string }, Items> = Collection<T, Items> & {
  readonly [Name in keyof Items as IsKnown<Name> extends true ? Name : never]: Items[Name]
}

type IsKnown<Name> = string extends Name
  ? false
  : Name extends keyof Collection<never> | 'constructor'
    ? false
    : true

export type SpecMaps<Types extends ObjectTypes> = Named<MapSpec, { [Name in keyof Types['maps']]: MapSpec }>
export type SpecPrograms<Types extends ObjectTypes> = Named<
  ProgramSpec,
  { [Name in Types['programs']]: ProgramSpec }
>
export type SpecVariables<Types extends ObjectTypes> = Named<
  VariableSpec,
  { [Name in Types['initial'] & keyof Types['variables']]: Before<Types['variables'][Name]> }
>

type Before<Live> =
  Live extends Variable<infer Value, infer Input> ? VariableSpec<Value, Input> : VariableSpec

export type LiveMaps<Types extends ObjectTypes> = Named<BpfMap, Types['maps']>
export type LivePrograms<Types extends ObjectTypes> = Named<
  BpfProgram,
  { [Name in Types['programs']]: BpfProgram }
>
export type LiveVariables<Types extends ObjectTypes> = Named<Variable, Types['variables']>
export type LiveLinks<Types extends ObjectTypes> = Named<BpfLink, { [Name in Types['links']]: BpfLink }>
export type LiveStructOps<Types extends ObjectTypes> = Named<
  BpfStructOps,
  { [Name in Types['structOps']]: BpfStructOps }
>
export type PinnedLinks<Types extends ObjectTypes> = Named<
  PinnedLink,
  { [Name in Types['links']]: PinnedLink }
>
