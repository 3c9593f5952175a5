export { withTypes } from './append.ts'
export { isNarrow } from './bits.ts'
export { Btf, type BtfOptions, type ParseBtfOptions, parseBtf, readBtf } from './btf.ts'
export { cDeclarations } from './c-dump.ts'
export {
  type ChangeKind,
  type FieldChange,
  type FieldSide,
  type Grade,
  isWorse,
  worstOf,
} from './changes.ts'
export { type Codec, createCodec } from './codec.ts'
export { compareLayouts, type LayoutComparison, type TypeAt, whenConverted } from './compare.ts'
export {
  type Conversion,
  type CopyFunction,
  type CopyOperation,
  compileCopy,
  type FieldPair,
  type IntegerPlace,
} from './conversion.ts'
export { fillSections, type SectionFill } from './datasec.ts'
export {
  type BtfExt,
  type CoreKind,
  type CoreRelocation,
  coreKinds,
  functionRow,
  lineRow,
  type ParseBtfExtOptions,
  parseBtfExt,
} from './ext.ts'
export { essentialName, flavoursIn } from './flavours.ts'
export { type FlexibleEnd, flexibleEnd } from './flexible.ts'
export { TypeHeads } from './heads.ts'
export {
  type Field,
  fieldsOf,
  type Hole,
  holesOf,
  isChar,
  type Overlap,
  type Shape,
  uniqueNames,
} from './layout.ts'
export { depthLimit } from './measure.ts'
export { placedMembers } from './members.ts'
export { withMerge } from './merge.ts'
export { didYouMean, nearNames } from './near.ts'
export { typeName } from './print.ts'
export { type Subset, subsetOf } from './subset.ts'
export {
  type BtfArray,
  type BtfComposite,
  type BtfDatasec,
  type BtfDeclTag,
  type BtfEnum,
  type BtfEnumerator,
  type BtfFloat,
  type BtfFunc,
  type BtfFuncProto,
  type BtfFwd,
  type BtfInt,
  type BtfKind,
  type BtfMember,
  type BtfModifier,
  type BtfParam,
  type BtfPtr,
  type BtfSectionVar,
  type BtfType,
  type BtfTypeOf,
  type BtfTypeTag,
  type BtfVar,
  type BtfVoid,
  kinds,
  oneOf,
  type TypeId,
} from './types.ts'
export type { Value } from './value.ts'
export { BtfWriter, type BtfWriterOptions, type NewType } from './writer.ts'
