import { isOutside } from '../plan/layout.ts'
import { switchDirectory } from '../plan/names.ts'
import type { Step } from '../plan/steps.ts'

/**
 * Steps as a person reads them: those that do the same to several things are one sentence, and the directories of a
 * generation go without saying.
 */
export function stepTexts(steps: readonly Step[]): string[] {
  const detached = new Set(steps.flatMap(step => (step.do === 'detach' ? [step.name] : [])))
  const groups: { readonly topic: string; readonly steps: Step[] }[] = []
  for (const step of steps) {
    const topic = topicOf(step, detached)
    const last = groups.at(-1)
    if (topic === undefined) continue
    if (last?.topic === topic) last.steps.push(step)
    else groups.push({ topic, steps: [step] })
  }
  return groups.map(({ topic, steps }) => textOf(topic, steps))
}

/** What goes into one sentence; `undefined` for what needs none. */
function topicOf(step: Step, detached: ReadonlySet<string>): string | undefined {
  switch (step.do) {
    case 'make-directory':
    case 'remove-directory':
      return isOutside(step.path) ? step.do : undefined
    case 'unpin':
      if (step.kind === 'manifest') return undefined
      if (step.directory.endsWith(`/${switchDirectory}`)) return 'unpin-copy'
      return step.kind === 'link' && detached.has(step.name) ? 'detach' : 'unpin'
    default:
      return step.do
  }
}

function textOf(topic: string, steps: readonly Step[]): string {
  const names = namesOf(steps)
  switch (topic) {
    case 'make-directory':
      return `make ${pathsOf(steps)}`
    case 'remove-directory':
      return `remove ${pathsOf(steps)}, if nothing else is there`
    case 'pin':
      return `pin ${things(steps)}`
    case 'unpin':
      return `remove the old pins of ${things(steps)}`
    case 'unpin-copy':
      return `remove the copy of ${list('map', names)}`
    case 'detach':
      return `detach ${list('link', names)}`
    case 'copy':
      return `copy the entries of ${list('map', names)}, while the old programs go on`
    case 'sweep':
      return `carry over what changed meanwhile in ${list('map', names)}`
    case 'attach':
      return `attach ${list('link', names)}`
    case 'update-link':
      return `switch ${list('link', names)} to the new programs`
    case 'swap':
      return `put ${things(steps)} in the place of the old, each at once`
    default:
      return steps.map(singleText).join('; ')
  }
}

function singleText(step: Step): string {
  switch (step.do) {
    case 'write-manifest':
      return `write down what belongs together, as ${step.path}`
    case 'publish':
    case 'withdraw':
    case 'move':
      return `rename ${step.from} to ${step.to}`
    case 'exchange':
      return `exchange ${step.from} and ${step.to}, at once: from here on the new one is pinned`
    case 'await-links':
      return 'wait until the old links are gone'
    case 'await-programs':
      return 'wait until no old program runs any more'
    case 'drop-previous':
      return `remove ${step.path}, if there is one`
    default:
      // the others have a sentence for several at once
      return step.do
  }
}

function list(what: string, names: readonly string[]): string {
  return `${what}${names.length === 1 ? '' : 's'} ${names.join(', ')}`
}

/** Each name once: a link is detached and its pin removed. */
function namesOf(steps: readonly Step[]): string[] {
  return [...new Set(steps.flatMap(step => ('name' in step ? step.name : 'map' in step ? step.map : [])))]
}

function pathsOf(steps: readonly Step[]): string {
  return steps.flatMap(step => ('path' in step ? step.path : [])).join(', ')
}

/** `maps flows, stats; program on_xdp` */
function things(steps: readonly Step[]): string {
  const kinds = new Map<string, string[]>()
  for (const step of steps) {
    if ('kind' in step) kinds.set(step.kind, [...(kinds.get(step.kind) ?? []), step.name])
  }
  return Array.from(kinds, ([kind, names]) => list(kind, names)).join('; ')
}
