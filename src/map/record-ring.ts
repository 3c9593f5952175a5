/**
 * Takes a record where it lies: `length` bytes of `bytes` from `offset` on, which are good until it returns. `cpu` is
 * the one that wrote it, in a perf buffer.
 */
export type RawCallback = (bytes: Uint8Array, offset: number, length: number, cpu?: number) => void

/**
 * A ring of records that a kernel writes and this process reads. Records come in batches, copied to memory of our own: the
 * shared memory is touched by nothing but the ring itself, so that whoever keeps a record, or closes the ring while it
 * looks at one, reads old bytes and no memory that is gone.
 */
export interface RecordRing {
  /** To be waited on. */
  readonly fds: readonly number[]
  /** Memory of the current batch; of the record from `offset` on, `length` bytes. Good until the next call of `next`. */
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly offset: number
  readonly length: number
  /** The CPU that wrote it, where each has a ring of its own. */
  readonly cpu: number | undefined
  /** Records that the kernel had no room for, as far as it has told; `undefined` where it never tells. */
  readonly lost: number | undefined
  /** Bytes in use, of those that programs can fill. */
  readonly pending: number
  readonly size: number
  readonly closed: boolean
  /**
   * Goes on to the next record; `false` where there is none that is whole.
   *
   * @throws BpfError `ERR_IN_USE` where somebody else reads the ring as well.
   */
  next(): boolean
  /** Hands over at most `limit` records, and returns how many. */
  takeRaw(use: RawCallback, limit: number): number
  /** Gives the kernel the room of the records up to the current one. */
  release(): void
  close(): void
}

/** Bytes of a batch, which stay in the processor's cache; a longer record comes alone. */
export const batchSize: number = 0x1_0000

/** Memory for batches, which grows with them. */
export class BatchMemory {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  words: Int32Array<ArrayBuffer> = new Int32Array(0)
  view: DataView<ArrayBuffer> = new DataView(this.bytes.buffer)

  /** @param length of what is to be put in */
  fit(length: number): void {
    if (this.bytes.length >= length) return
    let size = 4096
    while (size < length) size *= 2
    this.bytes = new Uint8Array(size)
    this.words = new Int32Array(this.bytes.buffer)
    this.view = new DataView(this.bytes.buffer)
  }
}

/** Records begin at multiples of 8. */
export function padded(length: number): number {
  return (length + 7) & ~7
}
