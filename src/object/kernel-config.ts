import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import { BpfError } from '../errors.ts'
import { type KconfigExtern, kconfigSection } from '../spec/externs/declarations.ts'
import { KconfigValues } from '../spec/externs/kconfig.ts'
import type { Spec } from '../spec/types.ts'
import { hasAttachCookie, hasSyscallWrapper } from './kernel-features.ts'
import { kernelVersion } from './kernel-version.ts'

/**
 * Puts the values of the running kernel's configuration into the map `.kconfig`, where the object has one. The configuration
 * is read only if the object asks for a value that the text does not have.
 *
 * @param text lines `CONFIG_NAME=value`, which count more than the kernel's own
 * @throws BpfError `ERR_EXTERN` for a value that there is none of, or that its variable does not take.
 */
export function fillKconfig(spec: Spec, text?: string): void {
  const section = spec.maps.find(map => map.section?.kind === 'kconfig')?.section
  if (!section) return
  const wanted = spec.externs.filter(extern => extern.kind === 'kconfig')
  const values = new KconfigValues(wanted, section.size, spec.elf.littleEndian)
  for (const extern of wanted) if (!isConfigured(extern)) setVirtual(values, extern)
  if (text !== undefined && values.missing.length > 0) {
    values.read(Buffer.from(text).toString('latin1'), 'the configuration that was given')
  }
  if (values.missing.some(isConfigured)) {
    const { path, contents } = readConfiguration(values.missing)
    values.read(contents, path)
  }
  const strong = values.missing.find(({ isWeak }) => !isWeak)
  if (strong) throw notConfigured(strong)
  section.contents.set(values.bytes)
}

function isConfigured({ name }: KconfigExtern): boolean {
  return name.startsWith('CONFIG_')
}

/** What is no configuration, but can be asked for like it (<bpf/bpf_helpers.h>, <bpf/usdt.bpf.h>). */
const virtual: Readonly<Record<string, () => number>> = {
  LINUX_KERNEL_VERSION: kernelVersion,
  LINUX_HAS_BPF_COOKIE: () => Number(hasAttachCookie()),
  LINUX_HAS_SYSCALL_WRAPPER: () => Number(hasSyscallWrapper()),
}

function setVirtual(values: KconfigValues, extern: KconfigExtern): void {
  const { name, isWeak } = extern
  const valueNow = Object.hasOwn(virtual, name) ? virtual[name] : undefined
  if (!valueNow && !(isWeak && name.startsWith('LINUX_'))) {
    throw new BpfError(`'${name}' is declared __kconfig, and no configuration has such a name`, {
      code: 'ERR_EXTERN',
      hint: `there are CONFIG_NAME and ${Object.keys(virtual).join(', ')}; another LINUX_NAME is 0 if it is __weak`,
    })
  }
  const value = valueNow?.() ?? 0
  if (name === 'LINUX_KERNEL_VERSION' && value === 0) {
    throw new BpfError(`'${name}': the kernel's release '${release()}' is no version`, { code: 'ERR_EXTERN' })
  }
  values.setNumber(extern, BigInt(value), 'this kernel')
}

/** Where the configuration of the running kernel is: the first that can be read. */
function configurations(): readonly string[] {
  return [`/boot/config-${release()}`, '/proc/config.gz']
}

function readConfiguration(missing: readonly KconfigExtern[]): { path: string; contents: string } {
  const causes: unknown[] = []
  for (const path of configurations()) {
    try {
      return { path, contents: textOf(readFileSync(path)) }
    } catch (cause) {
      causes.push(cause)
    }
  }
  const names = missing.map(({ name }) => name).join(', ')
  throw new BpfError(`the configuration of this kernel cannot be read, which is to say what ${names} is`, {
    code: 'ERR_EXTERN',
    hint: `it is at ${configurations().join(' or ')} (CONFIG_IKCONFIG_PROC); or give one: openObject(path, { kconfig }), --kconfig`,
    cause: new AggregateError(causes),
  })
}

const gzipMagic = 0x1f8b

function textOf(bytes: Buffer): string {
  const isCompressed = bytes.length > 1 && bytes.readUInt16BE(0) === gzipMagic
  // not imported, as few objects ask for the configuration
  const plain = isCompressed ? process.getBuiltinModule('node:zlib').gunzipSync(bytes) : bytes
  return plain.toString('latin1')
}

function notConfigured({ name }: KconfigExtern): BpfError {
  return new BpfError(`'${name}' (${kconfigSection}) is not set in the configuration of this kernel`, {
    code: 'ERR_EXTERN',
    hint: 'declare it __weak, and it is 0; or give a value: openObject(path, { kconfig }), --kconfig',
  })
}
