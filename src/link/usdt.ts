import { BpfError } from '../errors.ts'
import { attachTypes } from '../spec/kernel.ts'
import { encodeUsdtSpec } from '../spec/usdt/spec.ts'
import { closeFd } from '../syscall/index.ts'
import { findBinary, lastingPath } from './binary-path.ts'
import { type Attaching, type Attachment, createLink, type Family } from './family.ts'
import { attachProbe } from './probe.ts'
import { mustBeProcess } from './process.ts'
import { uprobeHints } from './uprobe.ts'
import { isForUprobeMulti } from './uprobe-multi-support.ts'
import { type UsdtSite, usdtSites } from './usdt-sites.ts'
import { claimSlots } from './usdt-slots.ts'

/** A site, and the slot with what the program is to know of it. */
interface KnownSite extends UsdtSite {
  readonly slot: number
}

/** What is attached to: each place of a probe in one file, for one process or for all. */
interface Probe {
  readonly path: string
  readonly pid: number | undefined
  readonly sites: readonly KnownSite[]
}

/**
 * USDT: all places of a probe that the maker of a binary put into it. By one link since Linux 6.6 (there as uprobe.multi),
 * before that by a link for each place. The cookie of each is the slot in which its arguments are described; the program's
 * own is in there.
 */
export const usdt: Family<'usdt'> = {
  kind: 'usdt',
  wants: "a USDT probe ('path:provider:name')",
  takesCookie: true,
  complete(target, spec) {
    mustBeProcess(spec, target.pid)
    const { usdt: probe, binary } = target
    // a program without types can leave it out
    if (/^[^:]+:[^:]+$/.test(probe) && typeof binary === 'string') {
      return { ...target, binary: lastingPath(binary) }
    }
    throw new BpfError(`program '${spec.name}': ${JSON.stringify(target)} is no USDT probe of a binary`, {
      code: 'ERR_VALUE',
      hint: "it is { usdt: 'provider:name', binary: 'path' }",
    })
  },
  attach(program, { usdt: probe, binary, pid }) {
    const { spec, doing } = program
    const path = findBinary(binary, doing)
    const sites = usdtSites(path, probe, doing)
    const { cookie = 0n } = spec.link
    const slots = claimSlots(program, size => sites.map(site => encodeUsdtSpec(site.arguments, cookie, size)))
    // one slot for each
    const known = sites.map((site, i) => ({ ...site, slot: slots[i]! }))
    const place = { path, pid, sites: known }
    return isForUprobeMulti(program.fd) ? attachToAll(program, place) : attachToEach(program, place)
  },
}

function attachToAll({ fd, doing }: Attaching, { path, pid, sites }: Probe): Attachment {
  const of = (value: (site: KnownSite) => number): BigUint64Array =>
    BigUint64Array.from(sites, site => BigInt(value(site)))
  return createLink(
    {
      fd,
      attachType: attachTypes.trace_uprobe_multi,
      detail: {
        ...{ kind: 'uprobe_multi', path, ...(pid === undefined ? {} : { pid }) },
        offsets: of(({ offset }) => offset),
        cookies: of(({ slot }) => slot),
        ...(sites.some(({ semaphore }) => semaphore !== 0)
          ? { refCounterOffsets: of(({ semaphore }) => semaphore) }
          : {}),
      },
    },
    { doing, path, since: '6.6', hints: uprobeHints },
  )
}

function attachToEach(program: Attaching, { path, pid, sites }: Probe): Attachment {
  const made: number[] = []
  try {
    for (const { offset, semaphore, slot } of sites) {
      // the kernel's cookie is the slot's number
      const spec = { ...program.spec, link: { ...program.spec.link, cookie: BigInt(slot) } }
      const place = { name: path, offset, pid, semaphore }
      made.push(attachProbe({ ...program, spec }, 'uprobe', place, { path, hints: uprobeHints }).fd)
    }
  } catch (error) {
    for (const fd of made) closeFd(fd)
    throw error
  }
  const [first, ...parts] = made
  // a probe that is nowhere was refused before
  if (first === undefined) throw new Error('a probe without places')
  return { fd: first, parts }
}
