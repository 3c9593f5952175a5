// Written by `npm run build:headers`.

/** Of 64 bits; from 2^53 on it is not exact. */
function wide(view: DataView, at: number, littleEndian: boolean): number {
  const low = view.getUint32(littleEndian ? at : at + 4, littleEndian)
  const high = view.getUint32(littleEndian ? at + 4 : at, littleEndian)
  return high === 0 ? low : high * 2 ** 32 + low
}

export function readElfHeader(view: DataView, at: number, littleEndian: boolean): { readonly type: number; readonly machine: number; readonly version: number; readonly sectionsOffset: number; readonly flags: number; readonly headerSize: number; readonly sectionSize: number; readonly sectionCount: number; readonly namesIndex: number } {
  return {
    type: view.getUint16(at + 16, littleEndian),
    machine: view.getUint16(at + 18, littleEndian),
    version: view.getUint32(at + 20, littleEndian),
    sectionsOffset: wide(view, at + 40, littleEndian),
    flags: view.getUint32(at + 48, littleEndian),
    headerSize: view.getUint16(at + 52, littleEndian),
    sectionSize: view.getUint16(at + 58, littleEndian),
    sectionCount: view.getUint16(at + 60, littleEndian),
    namesIndex: view.getUint16(at + 62, littleEndian),
  }
}

export function readElfSection(view: DataView, at: number, littleEndian: boolean): { readonly name: number; readonly type: number; readonly flags: number; readonly offset: number; readonly size: number; readonly link: number; readonly info: number; readonly align: number; readonly entrySize: number } {
  return {
    name: view.getUint32(at, littleEndian),
    type: view.getUint32(at + 4, littleEndian),
    flags: wide(view, at + 8, littleEndian),
    offset: wide(view, at + 24, littleEndian),
    size: wide(view, at + 32, littleEndian),
    link: view.getUint32(at + 40, littleEndian),
    info: view.getUint32(at + 44, littleEndian),
    align: wide(view, at + 48, littleEndian),
    entrySize: wide(view, at + 56, littleEndian),
  }
}

export function readBtfHeader(view: DataView, at: number, littleEndian: boolean): { readonly magic: number; readonly version: number; readonly flags: number; readonly headerLength: number; readonly typesOffset: number; readonly typesLength: number; readonly stringsOffset: number; readonly stringsLength: number } {
  return {
    magic: view.getUint16(at, littleEndian),
    version: view.getUint8(at + 2),
    flags: view.getUint8(at + 3),
    headerLength: view.getUint32(at + 4, littleEndian),
    typesOffset: view.getUint32(at + 8, littleEndian),
    typesLength: view.getUint32(at + 12, littleEndian),
    stringsOffset: view.getUint32(at + 16, littleEndian),
    stringsLength: view.getUint32(at + 20, littleEndian),
  }
}

export function readBtfExtHeader(view: DataView, at: number, littleEndian: boolean): { readonly magic: number; readonly version: number; readonly flags: number; readonly headerLength: number; readonly functionsOffset: number; readonly functionsLength: number; readonly linesOffset: number; readonly linesLength: number } {
  return {
    magic: view.getUint16(at, littleEndian),
    version: view.getUint8(at + 2),
    flags: view.getUint8(at + 3),
    headerLength: view.getUint32(at + 4, littleEndian),
    functionsOffset: view.getUint32(at + 8, littleEndian),
    functionsLength: view.getUint32(at + 12, littleEndian),
    linesOffset: view.getUint32(at + 16, littleEndian),
    linesLength: view.getUint32(at + 20, littleEndian),
  }
}

export function readBtfExtRelocations(view: DataView, at: number, littleEndian: boolean): { readonly relocationsOffset: number; readonly relocationsLength: number } {
  return {
    relocationsOffset: view.getUint32(at, littleEndian),
    relocationsLength: view.getUint32(at + 4, littleEndian),
  }
}
