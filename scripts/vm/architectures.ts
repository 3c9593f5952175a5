/** A processor that a machine can have, and what differs by it. */
export interface Architecture {
  /** As Debian calls it, which is in the names of its kernels. */
  readonly name: 'amd64' | 'arm64'
  /** As node calls it, which is in the names of npm's packages. */
  readonly node: 'x64' | 'arm64'
  /** Directory of libraries below /lib and /usr/lib. */
  readonly libraries: string
  readonly emulator: string
  readonly processor: string
  readonly board: readonly string[]
  /** The emulator's arguments for three serial ports: the kernel's console, what the tests print, what they report. */
  readonly ports: (console: string, report: string) => string[]
  /** What these ports are called in the machine. */
  readonly console: string
  readonly output: string
  readonly report: string
}

export const amd64: Architecture = {
  name: 'amd64',
  node: 'x64',
  libraries: 'x86_64-linux-gnu',
  emulator: 'qemu-system-x86_64',
  processor: 'max',
  board: [],
  ports: (console, report) => [
    ...['-serial', `file:${console}`, '-serial', 'stdio', '-serial', `file:${report}`],
  ],
  console: 'ttyS0',
  output: 'ttyS1',
  report: 'ttyS2',
}

export const arm64: Architecture = {
  name: 'arm64',
  node: 'arm64',
  libraries: 'aarch64-linux-gnu',
  emulator: 'qemu-system-aarch64',
  // what clouds have; newer ones sign pointers, by a cipher that costs an emulator half of its time
  processor: 'neoverse-n1',
  board: ['-machine', 'virt'],
  // this board has one port of its own
  ports: (console, report) => [
    ...['-serial', `file:${console}`],
    ...['-chardev', 'stdio,id=output', '-device', 'pci-serial,chardev=output'],
    ...['-chardev', `file,id=report,path=${report}`, '-device', 'pci-serial,chardev=report'],
  ],
  console: 'ttyAMA0',
  output: 'ttyS0',
  report: 'ttyS1',
}
