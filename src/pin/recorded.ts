import type { BpfLink } from '../link/index.ts'
import { programHash } from '../object/index.ts'
import {
  isOfMap,
  type LinkRecord,
  type Manifest,
  type OpsRecord,
  type ProgramRecord,
} from '../plan/manifest.ts'
import {
  type AttachType,
  attachTypeName,
  attachTypes,
  type ProgramType,
  programTypes,
} from '../spec/kernel.ts'
import { type LinkOwner, registering } from '../spec/link-owner.ts'
import { matchSection } from '../spec/sections.ts'
import { isTarget } from '../spec/target-forms.ts'
import type { ProgramSpec, Spec } from '../spec/types.ts'

/** What a manifest says of a program: enough to know it again, and to attach it once more without its object. */
export function programRecord(spec: Spec, program: ProgramSpec): ProgramRecord {
  const { name, section, type, attachType } = program
  return { name, hash: programHash(spec, program), section, type, attachType: attachType ?? null }
}

/** What a manifest says of a live link. */
export function linkRecord(link: BpfLink, cookie: bigint | undefined): LinkRecord {
  const { name, program, target } = link
  const info = link.info()
  return {
    name,
    program,
    type: link.type,
    attachType: 'attachType' in info ? attachTypeName(info.attachType) : null,
    target: target ?? null,
    cookie: cookie === undefined ? null : String(cookie),
    mode: target && isTarget(target, 'interface') ? (target.mode ?? null) : null,
  }
}

/**
 * A program as its manifest describes it, with the target of one of its links: good for attaching it, and no more;
 * `undefined` where the manifest says too little.
 */
function recordedProgram(
  { name, section, type, attachType }: ProgramRecord,
  link: LinkRecord,
): ProgramSpec | undefined {
  if (section === undefined || type === undefined || !isProgramType(type)) return undefined
  const label = labelOf(link)
  const target = link.declared ?? link.target ?? undefined
  return {
    name,
    kernelName: name.slice(0, 15),
    section,
    rule: matchSection(section),
    type,
    attachType: isAttachType(attachType) ? attachType : undefined,
    flags: 0,
    logLevel: 0,
    autoload: true,
    autoattach: true,
    pinPath: undefined,
    target: label === undefined ? target : undefined,
    targets: label !== undefined && target ? { [label]: target } : {},
    link: link.cookie === null ? {} : { cookie: BigInt(link.cookie) },
    body: { name, section: 0, start: 0, length: 0, references: [] },
  }
}

/** What a link is made for, as its manifest describes it; `undefined` where it says too little. */
export function recordedOwner({ programs }: Manifest, record: LinkRecord): LinkOwner | undefined {
  const { name, program, target } = record
  if (isOfMap(record)) {
    return target && isTarget(target, 'structOps') ? registering(name, target, {}) : undefined
  }
  const owner = programs.find(one => one.name === program)
  return owner && recordedProgram(owner, record)
}

/** What a manifest says of what is in an object's struct_ops maps. */
export function opsRecords({ maps }: Spec): Pick<Manifest, 'structOps'> {
  const structOps: OpsRecord[] = []
  for (const { name, structOps: ops, autocreate } of maps) {
    if (ops && autocreate) structOps.push({ map: name, definition: ops.definition })
  }
  return structOps.length > 0 ? { structOps } : {}
}

/** A link is named after its program, or `program~label`. */
export function labelOf({ name, program }: Pick<LinkRecord, 'name' | 'program'>): string | undefined {
  return name === program ? undefined : name.slice(program.length + 1)
}

function isProgramType(type: string): type is ProgramType {
  return Object.hasOwn(programTypes, type)
}

function isAttachType(type: string | null | undefined): type is AttachType {
  return typeof type === 'string' && Object.hasOwn(attachTypes, type)
}
