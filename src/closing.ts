interface Closable {
  close(): void
}

/** Closes everything, in order. */
export function closeAll(...groups: readonly Iterable<Closable>[]): void {
  for (const items of groups) for (const item of items) item.close()
}
