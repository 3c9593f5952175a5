import type { Socket, SocketConstructorOpts } from 'node:net'
import { systemError } from './error.ts'
import { closeFd } from './files.ts'
import { call3, call6 } from './gate.ts'
import { allocate, type Memory } from './memory.ts'

const O_CLOEXEC = 0o2000000
const O_NONBLOCK = 0o4000
// struct iocb and its constants: include/uapi/linux/aio_abi.h
const iocb = { size: 64, opcode: 16, descriptor: 20, events: 24, flags: 56, signalled: 60 } as const
const IOCB_CMD_POLL = 5
const IOCB_FLAG_RESFD = 1
const POLLIN = 1
const eventSize = 32

/**
 * What Poll is, for a worker. A worker can be ended at any time, and koffi's poll then aborts the whole process when the
 * descriptor gets readable before the worker's event loop is taken down (node-addon-api cannot throw any more). So here the
 * kernel waits for the descriptor (io_submit with IOCB_CMD_POLL, Linux 4.18) and counts up an eventfd, which Node itself reads
 * as the pipe that it was given: no function is called that is not Node's own.
 */
export class WorkerPoll {
  readonly #context: number
  #request: Memory | undefined
  #list: Memory | undefined
  readonly #event: Memory = allocate(eventSize)
  #socket: Socket | undefined
  #eventFd = -1
  #isClosed = false

  /** @throws BpfError with the errno of what failed: EAGAIN where the system has no more contexts, EMFILE. */
  constructor(fd: number, onReadable: () => void) {
    this.#context = openContext()
    try {
      this.#eventFd = done(call3('eventfd2', 0, O_CLOEXEC | O_NONBLOCK, 0), 'eventfd2')
      // what the kernel has the addresses of lives as long as this
      this.#request = pollRequest(fd, this.#eventFd)
      this.#list = pointerTo(this.#request)
      this.#socket = socketOf(this.#eventFd, () => {
        if (!this.#isClosed) onReadable()
      })
      this.#submit(this.#list)
    } catch (error) {
      this.close()
      throw error
    }
  }

  resume(): void {
    if (this.#isClosed || !this.#list) return
    // takes back the one that is done
    call6('io_getevents', this.#context, 0, 1, this.#event.address, 0, 0)
    this.#submit(this.#list)
  }

  hold(isHeld: boolean): void {
    if (isHeld) this.#socket?.ref()
    else this.#socket?.unref()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    call3('io_destroy', this.#context, 0, 0)
    this.#socket?.destroy()
    if (this.#eventFd >= 0) closeFd(this.#eventFd)
  }

  #submit(list: Memory): void {
    done(call3('io_submit', this.#context, 1, list.address), 'io_submit')
  }
}

function openContext(): number {
  const context = allocate(8)
  done(call3('io_setup', 1, context.address, 0), 'io_setup')
  // an address, which is exact as a number
  return Number(new DataView(context.bytes.buffer).getBigUint64(0, true))
}

function pollRequest(fd: number, eventFd: number): Memory {
  const memory = allocate(iocb.size)
  const view = new DataView(memory.bytes.buffer)
  view.setUint16(iocb.opcode, IOCB_CMD_POLL, true)
  view.setUint32(iocb.descriptor, fd, true)
  view.setBigUint64(iocb.events, BigInt(POLLIN), true)
  view.setUint32(iocb.flags, IOCB_FLAG_RESFD, true)
  view.setUint32(iocb.signalled, eventFd, true)
  return memory
}

function pointerTo({ address }: Memory): Memory {
  const memory = allocate(8)
  new DataView(memory.bytes.buffer).setBigUint64(0, BigInt(address), true)
  return memory
}

/** Node takes no eventfd, but a pipe; whose number is given to the eventfd before the loop has looked at it. */
function socketOf(eventFd: number, onRead: () => void): Socket {
  const ends = allocate(8)
  done(call3('pipe2', ends.address, O_CLOEXEC | O_NONBLOCK, 0), 'pipe2')
  const [reading = -1, writing = -1] = new Int32Array(ends.bytes.buffer)
  // a static import would load it for everybody
  const { Socket } = process.getBuiltinModule('node:net')
  const onread = {
    buffer: new Uint8Array(8),
    callback: () => {
      onRead()
      return true
    },
  }
  // its types know `onread` of connections only
  const options = { fd: reading, readable: true, writable: false, onread } as SocketConstructorOpts
  const socket = new Socket(options)
  const result = call3('dup3', eventFd, reading, O_CLOEXEC)
  closeFd(writing)
  // without it nothing would ever come
  if (result < 0) socket.destroy()
  done(result, 'dup3')
  return socket.unref()
}

/** @throws BpfError where a call failed. */
function done(result: number, syscall: string): number {
  if (result >= 0) return result
  const hint = syscall === 'io_setup' ? 'see /proc/sys/fs/aio-nr, and aio-max-nr beside it' : undefined
  throw systemError(result, syscall, { doing: 'waiting for events in a worker', hint })
}
