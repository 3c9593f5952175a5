import type { BpfError } from '../errors.ts'
import { actionOf, type OnMismatch, onMismatchValues } from '../plan/policy.ts'
import { type MapVerdict, PinMismatchError } from '../plan/verdict.ts'
import type { PlanView } from './plan-view.ts'

/**
 * What to call instead where an upgrade was refused, and what it costs; `undefined` where no option helps.
 *
 * @param args of the command that was called
 */
export function nextCommand(error: BpfError, args: readonly string[]): string | undefined {
  const refused = error instanceof PinMismatchError ? error.verdicts.filter(item => item.kind === 'map') : []
  const text = suggestion({ refused, gaps: error.code === 'ERR_GAP' ? [''] : [] }, args)
  return text === undefined ? undefined : `nothing was changed; ${text}`
}

/** The same for a plan, which knows all that stands in the way. */
export function planSuggestion(plan: PlanView, args: readonly string[]): string | undefined {
  const refused = plan.refused.filter(item => item.kind === 'map')
  return suggestion({ refused, gaps: plan.gaps }, args)
}

interface Obstacles {
  readonly refused: readonly MapVerdict[]
  readonly gaps: readonly string[]
}

function suggestion({ refused, gaps }: Obstacles, args: readonly string[]): string | undefined {
  if (refused.length + gaps.length === 0 || refused.some(({ isShared }) => isShared)) return undefined
  const lost = refused.filter(({ verdict }) => verdict === 'incompatible').map(({ name }) => name)
  const carried = refused.filter(({ verdict }) => verdict !== 'incompatible')
  const mode = leastMode(carried)
  const isLossy = mode === 'convert-lossy'
  const options = [
    ...(mode === undefined ? [] : [`--on-mismatch=${mode}`]),
    ...lost.map(name => `--map=${name}=replace`),
    ...(gaps.length > 0 ? ['--allow-gap'] : []),
  ]
  const costs = [
    ...(carried.length > 0 ? [`carries the entries over${isLossy ? ' but what is said above' : ''}`] : []),
    ...(lost.length > 0 ? [`empties ${lost.join(', ')}`] : []),
    ...(gaps.length > 0 ? ['loses the events in the gap'] : []),
  ]
  const command = ['bpfpin', 'pin', ...without(args, mode), ...options].map(shellWord).join(' ')
  return `this would go on; it ${costs.join(', ')}: ${command}`
}

/** The first that lets all of them be converted. */
function leastMode(maps: readonly MapVerdict[]): OnMismatch | undefined {
  if (maps.length === 0) return undefined
  return onMismatchValues.find(onMismatch => maps.every(map => actionOf(map, { onMismatch }) !== 'refuse'))
}

/** Arguments without a mode that is to be another, and without those of `plan`. */
function without(args: readonly string[], mode: OnMismatch | undefined): string[] {
  const left: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ''
    const [name = ''] = arg.split('=', 1)
    const isDropped = name === '--html' || (name === '--on-mismatch' && mode !== undefined)
    if (!isDropped) left.push(arg)
    else if (arg === name) i++
  }
  return left
}

/** As a shell takes it for one word. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
