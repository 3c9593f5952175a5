import { closeAll } from '../closing.ts'
import { BpfError } from '../errors.ts'
import type { BpfLink } from '../link/index.ts'
import { type BpfMap, thisMachine } from '../map/index.ts'
import { checkTokens, fillKconfig, type Live, liveVariables, load, type TokenPlace } from '../object/index.ts'
import { optionsOf, refused } from '../options.ts'
import {
  closeGeneration,
  type Found,
  findObject,
  findUnlisted,
  type Generation,
  isBeingChanged,
  isCurrent,
  openGeneration,
  openNamed,
  openUnlinked,
  type PinnedState,
  type PinSite,
  planInstall,
  planUpgrade,
  Root,
  readState,
  refuse,
  reusableMaps,
  upgradeObject,
  Writer,
  withUsers,
} from '../pin/index.ts'
import { gradePinned, type PinnedMap } from '../plan/compare.ts'
import { Named } from '../plan/named.ts'
import { mustBePolicy } from '../plan/policy.ts'
import type { Plan } from '../plan/upgrade.ts'
import { fits, PinMismatchError } from '../plan/verdict.ts'
import type { CoreTarget } from '../spec/core/candidates.ts'
import type { ExternSpec } from '../spec/externs/declarations.ts'
import type { Spec } from '../spec/types.ts'
import { BpfObject, type UpgradeOptions } from './bpf-object.ts'
import { type Absent, Collection } from './collection.ts'
import type { ObjectTypes, SpecMaps, SpecPrograms, SpecVariables } from './object-types.ts'

/** @internal What the running kernel is asked for in place of itself, and what permits to ask it. */
export interface Instead {
  readonly types?: CoreTarget | undefined
  readonly kconfig?: string | undefined
  readonly tokens?: TokenPlace | undefined
}

export interface LoadOptions {
  /** Live maps to use instead of creating or reusing, by name in the object. They stay the caller's to close. */
  readonly maps?: Readonly<Record<string, BpfMap>>
}

/** An object as parsed: what can be changed before it is loaded. No kernel is touched until {@link load} or {@link upgrade}. */
export class ObjectSpec<Types extends ObjectTypes = ObjectTypes> {
  readonly name: string
  readonly maps: SpecMaps<Types>
  readonly programs: SpecPrograms<Types>
  /** Global variables, with the values that they start with. */
  readonly variables: SpecVariables<Types>
  /** What the object expects the kernel (`__ksym`), or its configuration (`__kconfig`), to define. */
  readonly externs: Collection<ExternSpec>
  readonly #spec: Spec
  readonly #site: PinSite
  readonly #types: CoreTarget | undefined
  readonly #kconfig: string | undefined
  readonly #tokens: TokenPlace | undefined
  #isConfigured = false

  /** @internal Use {@link openObject}. */
  constructor(spec: Spec, site: PinSite, { types, kconfig, tokens }: Instead = {}) {
    this.name = spec.name
    // a skeleton says what is in the object that it was generated from
    this.maps = new Collection('map', spec.maps) as SpecMaps<Types>
    this.programs = new Collection('program', spec.programs) as SpecPrograms<Types>
    // what the kernel's configuration says is not the object's to set
    const own = spec.variables.filter(({ linkage }) => linkage !== 'extern')
    this.variables = new Collection('variable', own, name => configured(spec, name)) as SpecVariables<Types>
    this.externs = new Collection('extern', spec.externs)
    this.#spec = spec
    this.#site = site
    this.#types = types
    this.#kconfig = kconfig
    this.#tokens = tokens
  }

  /** Everything that was parsed. */
  get spec(): Spec {
    return this.#spec
  }

  /** The directory of its pins, whether they are there or not. */
  get pinPath(): string {
    return `${this.#site.root}/${this.#site.directory}`
  }

  /**
   * Creates the maps and loads the programs. Maps that are pinned where this object would pin them, and fit, are used as
   * they are; nothing is written into them.
   *
   * @throws PinMismatchError where a pinned map does not fit, VerifierError where the verifier refuses a program,
   * BpfError with the kernel's errno. Nothing is left behind then.
   */
  load(options?: LoadOptions): BpfObject<Types> {
    const { maps = {} } = optionsOf(options, 'load()')
    this.#configure()
    using root = Root.find(this.#site.root)
    const generation = root && openGeneration(root, this.name)
    try {
      return this.#load(generation, maps)
    } finally {
      closeGeneration(generation)
    }
  }

  #load(generation: Generation | undefined, given: Readonly<Record<string, BpfMap>>): BpfObject<Types> {
    const taken = this.#takeGiven(given)
    let reused: BpfMap[]
    try {
      reused = reusableMaps(this.#spec, this.#site, generation, new Set(taken.keys()))
    } catch (error) {
      closeAll(taken.values())
      throw error
    }
    const live = this.#loadWith(new Named([...reused, ...taken.values()]))
    return new BpfObject<Types>({
      ...{ ...live, spec: this.#spec, site: this.#site, links: new Map() },
      isPinned: false,
      isNameTaken: generation !== undefined,
    })
  }

  #loadWith(maps: ReadonlyMap<string, BpfMap>): Live {
    if (this.#tokens) this.#checkTokens(this.#tokens, maps)
    return load(this.#spec, { maps, ...(this.#types ? { types: this.#types } : {}) })
  }

  #checkTokens(tokens: TokenPlace, maps: ReadonlyMap<string, BpfMap>): void {
    try {
      checkTokens(tokens)
    } catch (error) {
      closeAll(maps.values())
      throw error
    }
  }

  /** Descriptors of our own of the maps that were given, once all of them are known to fit. */
  #takeGiven(given: Readonly<Record<string, BpfMap>>): Map<string, BpfMap> {
    const entries = Object.entries(given)
    for (const [name, map] of entries) mustBeMap(name, map)
    const verdicts = entries.map(([name, map]) =>
      gradePinned(this.#spec, this.maps.get(name), givenMap(name, map), thisMachine()),
    )
    const refused = verdicts.filter(verdict => !fits(verdict))
    if (refused.length > 0) throw new PinMismatchError(this.name, 'what was given', refused)
    const taken = new Map<string, BpfMap>()
    try {
      for (const [name, map] of entries) taken.set(name, map.duplicate(name))
    } catch (error) {
      closeAll(taken.values())
      throw error
    }
    return taken
  }

  /**
   * The one call for services. Nothing pinned: loads, attaches and pins. This object pinned and alive: opens it and loads
   * nothing, so that every map, program and link stays what it is. Another version pinned: loads this one, takes over the
   * maps that fit, converts those that do not as the options allow, and puts all of it in the place of the other at once;
   * links go on without a gap where their kind allows it. Links whose hook is gone are attached anew.
   *
   * @throws PinMismatchError where a pinned map does not fit and may not be converted, BpfError `ERR_GAP` where events would
   * be lost, `ERR_UNKNOWN_NAME` for a map or field in the options that is not there, `ERR_LOCKED`, `ERR_FOREIGN`,
   * VerifierError, else with the kernel's errno. Nothing is changed then, unless the error says that the new generation
   * is in place.
   */
  upgrade(given?: UpgradeOptions): BpfObject<Types> {
    const options = this.#checked(given, 'upgrade()')
    this.#configure()
    const found = this.#findSame()
    if (found) return found
    const writer = Writer.open(this.#site, this.name, options)
    try {
      // another process may have pinned it while this one waited for its turn
      const generation = openGeneration(writer.root, this.name)
      if (!generation) return this.#install(writer)
      try {
        return this.#succeed(generation, writer, options)
      } finally {
        closeGeneration(generation)
      }
    } finally {
      writer.close()
    }
  }

  /**
   * What {@link upgrade} would do with the same options: how each pinned map fits, what becomes of maps, programs and links,
   * and the steps. Changes nothing, and waits for nobody.
   */
  plan(given?: UpgradeOptions): Plan {
    const options = this.#checked(given, 'plan()')
    this.#configure()
    using root = Root.find(this.#site.root)
    for (;;) {
      const generation = root && openGeneration(root, this.name)
      if (!generation) return planInstall(this.#spec, this.#site)
      try {
        const state = readState(this.#spec, this.#site, generation)
        try {
          return withUsers(planUpgrade(this.#spec, this.#site, state, root, options), state, root)
        } finally {
          closeState(state)
        }
      } catch (error) {
        if (isCurrent(root, this.name, generation)) throw error
      } finally {
        closeGeneration(generation)
      }
    }
  }

  /** Constants are compared, and loaded, with what this kernel says; it says the same for as long as it runs. */
  #configure(): void {
    if (this.#isConfigured) return
    fillKconfig(this.#spec, this.#kconfig)
    this.#isConfigured = true
  }

  /** Whoever misspells a name would lose what is to be kept. */
  #checked(given: UpgradeOptions | undefined, call: string): UpgradeOptions {
    const options = optionsOf(given, call)
    const { maps, convert, merge } = options
    for (const named of [maps, convert, merge])
      for (const name of Object.keys(named ?? {})) this.maps.get(name)
    mustBePolicy(options)
    return options
  }

  #succeed(generation: Generation, writer: Writer, options: UpgradeOptions): BpfObject<Types> {
    const state = readState(this.#spec, this.#site, generation)
    try {
      const plan = planUpgrade(this.#spec, this.#site, state, writer.root, options)
      if (plan.kind === 'find') return this.#find(generation)
      refuse(plan)
      return plan.kind === 'relink'
        ? this.#relink(plan, state, writer, options)
        : this.#reload(plan, state, writer, options)
    } finally {
      closeState(state)
    }
  }

  /** A new generation of the maps and programs that are pinned, with other links. */
  #relink(plan: Plan, state: PinnedState, writer: Writer, options: UpgradeOptions): BpfObject<Types> {
    return this.#replace(this.#openAgain(state), plan, state, writer, options)
  }

  #openAgain({ maps: pinned, generation }: PinnedState): Live {
    const maps = new Map<string, BpfMap>()
    try {
      for (const [name, map] of pinned) maps.set(name, map.duplicate(name))
      const found = openUnlinked(this.#spec, generation, maps)
      return { ...found, ...liveVariables(this.#spec, maps) }
    } catch (error) {
      closeAll(maps.values())
      throw error
    }
  }

  #reload(plan: Plan, state: PinnedState, writer: Writer, options: UpgradeOptions): BpfObject<Types> {
    const fresh = plan.maps.filter(({ action }) => action === 'convert' || action === 'replace')
    const names = new Set(fresh.map(({ name }) => name))
    const maps = reusableMaps(this.#spec, this.#site, state.generation, names)
    return this.#replace(this.#loadWith(new Named(maps)), plan, state, writer, options)
  }

  #replace(
    live: Live,
    plan: Plan,
    state: PinnedState,
    writer: Writer,
    options: UpgradeOptions,
  ): BpfObject<Types> {
    const links = new Map<string, BpfLink>()
    const parts = { ...live, spec: this.#spec, site: this.#site, links, isPinned: true, isNameTaken: true }
    try {
      const report = upgradeObject(parts, plan, state, writer, options, links)
      const object = new BpfObject<Types>({ ...parts, report })
      object.attachUnpinned()
      return object
    } catch (error) {
      closeAll(live.sections, links.values(), live.programs.values(), live.maps.values())
      throw error
    }
  }

  /**
   * Opens the object from its pins and loads nothing: only if what is pinned is this object, by its maps, constants and
   * code. The result is as after {@link load}, {@link BpfObject.attach} and {@link BpfObject.pin}.
   *
   * A directory in this layout that has no manifest (another tool pinned there, or it was removed) is opened by what the
   * kernel says: kinds, parameters and types of the maps, the tag, type and maps of each program. That is weaker, as the
   * object's `identity` says: where a link is, and which inner maps a map of maps takes, the kernel does not tell.
   * `upgrade()` and `unpin()` refuse such a directory.
   *
   * @throws BpfError `ERR_NOT_PINNED`; PinMismatchError where another object is pinned; `ERR_PIN_MISSING`,
   * `ERR_PIN_KIND`, `ERR_PIN_REPLACED` where a pin is not what the manifest says.
   */
  loadPinned(): BpfObject<Types> {
    this.#configure()
    using root = Root.find(this.#site.root)
    const found = root && this.#findPinned(root, { isListed: false })
    if (found) return found
    throw new BpfError(`no object '${this.name}' is pinned at ${this.pinPath}`, {
      code: 'ERR_NOT_PINNED',
      path: this.pinPath,
      hint: 'load(), attach() and pin() it first, or let upgrade() do what is needed',
    })
  }

  #install(writer: Writer): BpfObject<Types> {
    const object = this.load()
    try {
      object.attach()
      object.pinBy(writer)
      return object
    } catch (error) {
      object.close()
      throw error
    }
  }

  /** What is pinned, if it is this object and alive: for that no lock is needed. */
  #findSame(): BpfObject<Types> | undefined {
    using root = Root.find(this.#site.root)
    if (!root || isBeingChanged(root, this.name)) return undefined
    try {
      return this.#findPinned(root)
    } catch (error) {
      if (error instanceof PinMismatchError) return undefined
      if (error instanceof BpfError && upgradable.has(error.code)) return undefined
      throw error
    }
  }

  #findPinned(
    root: Root,
    { isListed = true }: { readonly isListed?: boolean } = {},
  ): BpfObject<Types> | undefined {
    for (;;) {
      const generation = isListed ? openGeneration(root, this.name) : openNamed(root, this.name)
      if (!generation) return undefined
      try {
        if (generation.manifest) return this.#find(generation)
        return this.#opened(findUnlisted(this.#spec, this.#site, generation, this.#types))
      } catch (error) {
        // what was unpinned while we looked is not there any more
        if (isCurrent(root, this.name, generation)) throw error
      } finally {
        closeGeneration(generation)
      }
    }
  }

  #find(generation: Generation): BpfObject<Types> {
    return this.#opened(findObject(this.#spec, this.#site, generation))
  }

  #opened(found: Found): BpfObject<Types> {
    const live = liveVariables(this.#spec, found.maps)
    const object = new BpfObject<Types>({
      ...{ ...found, ...live, spec: this.#spec, site: this.#site },
      isPinned: true,
      isNameTaken: true,
    })
    try {
      object.attachUnpinned()
      return object
    } catch (error) {
      object.close()
      throw error
    }
  }
}

function configured(spec: Spec, name: string): ReturnType<Absent> {
  const isValue = spec.externs.some(extern => extern.kind === 'kconfig' && extern.name === name)
  if (!isValue) return undefined
  const hint = 'read it of the loaded object; values can be given: openObject(path, { kconfig })'
  return {
    problem: "is a value of the kernel's configuration, which no object has before it is loaded",
    hint,
  }
}

/** By what it can do: it may be one of another copy of the library. */
function mustBeMap(name: string, map: unknown): void {
  if (typeof (map as Partial<BpfMap> | null | undefined)?.duplicate === 'function') return
  throw refused(`what is given for map '${name}'`, map, 'a map')
}

function givenMap(name: string, { shape, types }: BpfMap): PinnedMap {
  return { name, path: 'what was given', shape, ...(types ? { types } : {}) }
}

/** What an upgrade mends. */
const upgradable: ReadonlySet<string> = new Set(['ERR_LINK_DEAD', 'ERR_PIN_MISSING'])

function closeState({ maps }: PinnedState): void {
  closeAll(maps.values())
}
