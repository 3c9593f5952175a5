/** In the virtual machines of `npm run test:kernels` everything takes ten times as long and more. */
export const isEmulated: boolean = process.env.BPFPIN_MACHINE !== undefined

/** How often a test repeats what must never go wrong; the machines are there for what a kernel always does. */
export function repeated(times: number): number {
  return isEmulated ? Math.ceil(times / 50) : times
}

/** How long a test waits for something that only a broken program does not do, in milliseconds. */
export function patience(ms: number): number {
  return isEmulated ? 10 * ms : ms
}
