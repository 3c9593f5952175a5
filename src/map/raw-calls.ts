import { BpfError } from '../errors.ts'
import { addressOf, type Memory } from '../syscall/index.ts'

/** Bytes of the caller's whose address is kept, as asking for it costs half a system call, for as long as the same are given again. */
export class CallersBytes implements Memory {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  address = 0
  readonly #what: string
  readonly #length: number

  /** @param what as errors name it: `key of map 'flows'` */
  constructor(what: string, length: number) {
    this.#what = what
    this.#length = length
  }

  /**
   * The address holds nothing alive: the bytes are held here, and by the call.
   *
   * @throws BpfError `ERR_VALUE` where there are more or fewer bytes than the map has, also of a buffer that was transferred.
   */
  take(bytes: Uint8Array): this {
    if (!(bytes instanceof Uint8Array) || bytes.length !== this.#length) {
      const got = bytes instanceof Uint8Array ? `${bytes.length}` : 'none'
      throw new BpfError(`a ${this.#what} is ${this.#length} bytes, got ${got}`, { code: 'ERR_VALUE' })
    }
    if (bytes !== this.bytes) {
      this.address = addressOf(bytes)
      // the kernel does not mind whether other threads share it
      this.bytes = bytes as Uint8Array<ArrayBuffer>
    }
    return this
  }
}
