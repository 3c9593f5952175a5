// The program behind malformed.test.ts: which guards refuse which file, as JSON. It runs on the sources, with source maps, as
// only then errors say where in the sources they were made.
import { guardsIn, rooms } from './guards.ts'
import { guardsBehind, malformedFiles, readMalformed, refusalsOf } from './malformed.ts'

/** What was said of one file. */
export interface Said {
  readonly name: string
  readonly errors: readonly { readonly name: string; readonly where: unknown; readonly message: string }[]
  /** Places of guards. */
  readonly guards: readonly string[]
}

Error.stackTraceLimit = 50
const guards = guardsIn(rooms)
const said = malformedFiles().map((name): Said => {
  const errors = refusalsOf(name, readMalformed(name))
  const found = errors.flatMap(error => guardsBehind(error, guards).map(({ place }) => place))
  return {
    name,
    errors: errors.map(error => ({
      name: error.name,
      where: (error as { where?: unknown }).where,
      message: error.message,
    })),
    guards: [...new Set(found)],
  }
})
process.stdout.write(JSON.stringify({ guards, said }))
