import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { libbpf } from '../../scripts/libbpf.ts'

/** A map as the kernel shows it. Numbers of types are those of its BTF, which is the object's. */
export interface MapShown {
  readonly id: number
  /** What the loader calls it; {@link show} cannot know that, and gives the kernel's name. */
  readonly name: string
  readonly kernelName: string
  readonly type: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  readonly extra: string
  readonly ifindex: number
  readonly hasBtf: number
  readonly keyType: number
  readonly valueType: number
  readonly kernelType: number
  /** Of a data section, in hexadecimal. */
  readonly value?: string
  /** Of a map of maps or programs: key and id. */
  readonly slots?: readonly (readonly [key: number, id: number])[]
}

export interface ProgramShown {
  readonly id: number
  readonly name: string
  readonly kernelName: string
  readonly type: number
  readonly gpl: number
  readonly ifindex: number
  /** Id of the type that it is for. */
  readonly attachTo: number
  readonly hasBtf: number
  /** How many functions and lines are described. */
  readonly functions: number
  readonly lines: number
  readonly tag: string
  readonly maps: readonly number[]
  /** As the verifier left it, in hexadecimal: bpf_prog_info.xlated_prog_insns. */
  readonly xlated: string
}

/** What a loader made of an object. */
export interface Outcome {
  readonly object: string
  /** errno, 0 where it went well; of the whole object. */
  readonly open: number
  readonly load: number
  /** Programs that were refused, one after the other, each time the rest was tried without them. */
  readonly refused: readonly string[]
  /** Microseconds that opening it took. */
  readonly openedIn: number
  /** Its messages. */
  readonly said: string
  /** What there is without the refused programs; nothing if that does not load either. */
  readonly maps?: readonly MapShown[]
  readonly programs?: readonly ProgramShown[]
}

/** Where it is in the machines, which have no compiler. */
export const peerInMachines = '/usr/bin/parity-peer'

/** Compiles the program that loads objects by libbpf. It needs nothing of the system that it runs on. */
export function buildPeer(path: string): void {
  const { include, archive } = libbpf()
  const source = new URL('./peer.c', import.meta.url).pathname
  const flags = ['-Wall', '-Werror', '-O1', '-static', `-I${include}`]
  execFileSync('gcc', [...flags, '-o', path, source, archive, '-lelf', '-lz'])
}

/** The program on libbpf, made when it is first asked for something. */
export class Peer implements Disposable {
  readonly #scratch = mkdtempSync(join(tmpdir(), 'bpfpin-parity-'))
  #program: string | undefined

  /** Of libbpf, `'v1.5'`. */
  get version(): string {
    return this.#run<string>(['version'])[0]!
  }

  /**
   * @param pins directory on bpffs for maps that are pinned by name
   * @param all programs, those too that the object itself leaves out
   */
  load(
    pins: string,
    objects: readonly string[],
    { all = false }: { readonly all?: boolean } = {},
  ): Outcome[] {
    return this.#run<Outcome>([all ? 'all' : 'load', pins, ...objects])
  }

  /** What the kernel holds under those ids, whoever loaded it. */
  show(
    maps: readonly number[],
    programs: readonly number[],
  ): { readonly maps: MapShown[]; readonly programs: ProgramShown[] } {
    const ids = [...maps.map(id => `m${id}`), ...programs.map(id => `p${id}`)]
    const shown = ids.length > 0 ? this.#run<MapShown | ProgramShown>(['show', ...ids]) : []
    return {
      // maps are asked for first, and answered in order
      maps: shown.slice(0, maps.length) as MapShown[],
      programs: shown.slice(maps.length) as ProgramShown[],
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#scratch, { recursive: true })
  }

  #run<T>(args: readonly string[]): T[] {
    const output = execFileSync(this.#path(), args, { encoding: 'utf8', maxBuffer: 1 << 30 })
    // written by peer.c for this
    return output.split('\n').flatMap(line => (line === '' ? [] : (JSON.parse(line) as T)))
  }

  #path(): string {
    if (process.env.BPFPIN_MACHINE !== undefined) return peerInMachines
    if (this.#program === undefined) {
      const path = join(this.#scratch, 'peer')
      buildPeer(path)
      this.#program = path
    }
    return this.#program
  }
}
