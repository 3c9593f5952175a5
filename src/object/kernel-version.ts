import { readFileSync } from 'node:fs'
import { release, version } from 'node:os'

/**
 * The version of the running kernel as LINUX_VERSION_CODE has it, `0x060c1f` for 6.12.31; 0 where it says none. Ubuntu and
 * Debian name their kernels otherwise than the sources that they are made of, and tell those somewhere else.
 */
export function kernelVersion(): number {
  return versionCode(ubuntuSignature(), version(), release())
}

/** As {@link kernelVersion}, of what such a system says. */
export function versionCode(signature: string, build: string, name: string): number {
  const found =
    /^\S+\s+\S+\s+(\d+)\.(\d+)\.(\d+)/.exec(signature) ??
    /Debian (\d+)\.(\d+)\.(\d+)/.exec(build) ??
    /^(\d+)\.(\d+)\.(\d+)/.exec(name)
  if (!found) return 0
  const [major, minor, patch] = found.slice(1).map(Number)
  // KERNEL_VERSION() of <linux/version.h>: stable kernels went beyond 255
  return (major! << 16) + (minor! << 8) + Math.min(patch!, 255)
}

/** Ubuntu's kernels have it. */
function ubuntuSignature(): string {
  try {
    return readFileSync('/proc/version_signature', 'latin1')
  } catch {
    return ''
  }
}
