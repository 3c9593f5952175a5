const cell = /* @__PURE__ */ new Int32Array(new SharedArrayBuffer(4))

/** Stands still for some milliseconds. */
export function pause(ms: number): void {
  Atomics.wait(cell, 0, 0, ms)
}
