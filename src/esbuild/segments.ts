/** Where in an ELF file of 64 bits, little-endian, segments are; `isWanted` is asked by type and flags. */
export function segments(
  view: DataView,
  isWanted: (type: number, flags: number) => boolean,
): [from: number, to: number][] {
  const [at, size, count] = [
    Number(view.getBigUint64(32, true)),
    view.getUint16(54, true),
    view.getUint16(56, true),
  ]
  return Array.from({ length: count }, (_, i) => at + i * size)
    .filter(header => isWanted(view.getUint32(header, true), view.getUint32(header + 4, true)))
    .map(header => {
      const from = Number(view.getBigUint64(header + 8, true))
      return [from, from + Number(view.getBigUint64(header + 32, true))]
    })
}
