import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Kernel } from './kernels.ts'

export interface MachineInit {
  readonly kernel: Kernel
  readonly image: string
  /** Directory for what the machine writes. */
  readonly scratch: string
  readonly timeoutSeconds: number
  readonly onLine: (line: string) => void
}

/** How a machine ended, and the files that it wrote. */
export interface MachineEnd {
  readonly timedOut: boolean
  readonly seconds: number
  /** What the kernel said. */
  readonly console: string
  /** One JSON record a test file. */
  readonly report: string
}

/**
 * Boots a kernel in an emulator and waits for it to turn itself off. A panic ends it, too, and a hang is ended after the
 * timeout.
 */
export function runMachine({
  kernel,
  image,
  scratch,
  timeoutSeconds,
  onLine,
}: MachineInit): Promise<MachineEnd> {
  const { architecture } = kernel
  const console = join(scratch, `console-${kernel.name}`)
  const report = join(scratch, `report-${kernel.name}`)
  const started = performance.now()
  const qemu = spawn(
    architecture.emulator,
    [
      ...architecture.board,
      // with thread=multi, text that the kernel patches under load is executed half written: panics that no machine has
      ...['-accel', 'tcg,thread=single', '-smp', '2', '-cpu', architecture.processor, '-m', '2048'],
      ...['-nodefaults', '-display', 'none', '-no-reboot'],
      ...architecture.ports(console, report),
      ...['-kernel', kernel.image, '-initrd', image],
      // code at the same addresses in each process is translated once: node starts in two thirds of the time
      ...['-append', `console=${architecture.console} panic=-1 quiet norandmaps`],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  createInterface({ input: qemu.stdout }).on('line', onLine)
  createInterface({ input: qemu.stderr }).on('line', onLine)
  return new Promise((resolve, reject) => {
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      qemu.kill('SIGKILL')
    }, timeoutSeconds * 1000)
    qemu.on('error', reject)
    qemu.on('close', () => {
      clearTimeout(timer)
      resolve({ timedOut, seconds: (performance.now() - started) / 1000, console, report })
    })
  })
}
