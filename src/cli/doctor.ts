import { surveySystem } from '../object/survey.ts'
import { type Check, checkup } from './checkup.ts'
import { type Command, exitCodes } from './command.ts'
import type { Output, Style } from './output.ts'
import { wrapped } from './wrap.ts'

export const doctor: Command = {
  options: {},
  details: [
    'Looks at the kernel, the capabilities of this process, the bpffs at the root, the types of the kernel, lockdown and',
    'security modules, limits, and tries which features the kernel has: small maps and programs are made, and are gone',
    'again. Nothing that runs is touched.',
    '',
    'Each thing is ok, missing (bpfpin cannot pin here), limited (something else does not work) or unknown. What is not',
    'ok is said with what it stops and what mends it. The exit code is 1 where anything is missing, else 0.',
    '',
    'With --json: {ok, checks: [{name, state, found, stops, fix}], features: [{name, since, available}]}; available is',
    'yes, no, or denied where this process may not ask.',
  ].join('\n'),
  purpose: () => 'look at this system',
  run({ root }, output) {
    const survey = surveySystem(root)
    const checks = checkup(survey)
    const ok = checks.every(({ state }) => state !== 'missing')
    if (output.json) {
      const features = survey.features.map(({ name, since, available }) => ({ name, since, available }))
      output.document({ ok, checks, features })
    } else {
      printChecks(checks, output)
    }
    return ok ? exitCodes.done : exitCodes.failed
  },
}

const styles: Readonly<Record<Check['state'], Style>> = {
  ok: 'green',
  missing: 'red',
  limited: 'yellow',
  unknown: 'dim',
}

function printChecks(checks: readonly Check[], { paint, print, width }: Output): void {
  const stateWidth = Math.max(...checks.map(({ state }) => state.length))
  const nameWidth = Math.max(...checks.map(({ name }) => name.length))
  const indent = stateWidth + nameWidth + 4
  for (const { state, name, found, stops, fix } of checks) {
    const head = `${paint(styles[state], state.padEnd(stateWidth))}  ${paint('bold', name.padEnd(nameWidth))}  `
    const room = width === undefined ? undefined : Math.max(width - indent, leastWidth)
    const texts = [
      ...wrapped(found, room),
      ...(stops === undefined ? [] : wrapped(`stops: ${stops}`, room)),
      // to be copied as it is
      ...(fix === undefined ? [] : [`mend it: ${fix}`]),
    ]
    print(
      texts.map(
        (text, i) => `${i === 0 ? head : ' '.repeat(indent)}${paint(i === 0 ? 'reset' : 'dim', text)}`,
      ),
    )
  }
  print(['', summaryOf(checks, paint)])
}

/** Narrower than this no text is broken, whatever the terminal. */
const leastWidth = 20

function summaryOf(checks: readonly Check[], paint: Output['paint']): string {
  const named = (wanted: Check['state']): string =>
    checks.flatMap(({ state, name }) => (state === wanted ? [name] : [])).join(', ')
  const missing = named('missing')
  const limited = named('limited')
  const verdict =
    missing === ''
      ? paint('green', 'bpfpin can pin here')
      : `${paint('red', 'bpfpin cannot pin here')}: ${missing}`
  return limited === '' ? verdict : `${verdict}; limited: ${limited}`
}
