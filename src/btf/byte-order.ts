/** The byte order of what this process shares with its kernel. */
export const machineIsLittleEndian: boolean =
  /* @__PURE__ */ new Uint8Array(/* @__PURE__ */ new Uint16Array([1]).buffer)[0] === 1
