import type { Step } from '../plan/steps.ts'

type StepOf<Do extends Step['do']> = Extract<Step, { do: Do }>

/** Steps as a person reads them; those that do the same to one thing after the other are one sentence. */
export function stepTexts(steps: readonly Step[]): string[] {
  const groups: Step[][] = []
  for (const step of steps) {
    const last = groups.at(-1)
    if (last?.[0] && groupOf(last[0]) === groupOf(step)) last.push(step)
    else groups.push([step])
  }
  return groups.flatMap(group => textOf(group))
}

function groupOf(step: Step): string {
  return 'kind' in step ? `${step.do} ${step.kind}` : step.do
}

function textOf(group: readonly Step[]): string[] {
  const [first] = group
  if (!first) return []
  const text = listTexts[first.do]
  // the steps of a group have the `do` of its first
  if (text) return [text(group as readonly never[])]
  return group.map(singleText)
}

function list(what: string, names: readonly string[]): string {
  return `${what}${names.length === 1 ? '' : 's'} ${names.join(', ')}`
}

type ListTexts = { readonly [Do in Step['do']]?: (steps: readonly StepOf<Do>[]) => string }

const namesOf = (steps: readonly { readonly name: string }[]): string[] => steps.map(({ name }) => name)
const kindOf = (steps: readonly { readonly kind: string }[]): string => steps[0]?.kind ?? 'pin'

const listTexts: ListTexts = {
  'make-directory': steps => `make ${steps.map(({ path }) => path).join(', ')}`,
  pin: steps => `pin ${list(kindOf(steps), namesOf(steps))}`,
  unpin: steps => `remove the pin of ${list(kindOf(steps), namesOf(steps))}`,
  detach: steps => `detach ${list('link', namesOf(steps))}`,
  'remove-directory': steps => `remove ${steps.map(({ path }) => path).join(', ')}`,
  copy: steps => `copy the entries of ${list('map', mapsOf(steps))}, while the old programs go on`,
  attach: steps => `attach ${list('program', namesOf(steps))}`,
  swap: steps => `put the new ${list(kindOf(steps), namesOf(steps))} in place`,
  'update-link': steps => `switch ${list('link', namesOf(steps))} to the new programs`,
  sweep: steps => `carry over what changed meanwhile in ${list('map', mapsOf(steps))}`,
}

function mapsOf(steps: readonly { readonly map: string }[]): string[] {
  return steps.map(({ map }) => map)
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
      // all others have a text for several at once
      return step.do
  }
}
