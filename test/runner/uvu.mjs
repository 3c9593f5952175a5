// uvu with its silent passes closed (lukeed/uvu#60, #80, #142, #191): every handler is watched, so that what a test or
// a hook throws is kept even where uvu's own runner drops it. Test files import this in place of uvu (ts-loader.mjs).
import * as uvu from 'uvu'

/** What child.mjs wants to know. A file that is run by plain node has no such listener, and uvu reports as always. */
export const watch = {
  /** Tests registered, so that a suite that is never run can be told. */
  registered: 0,
  /** `{ name, error }` of every test that threw, then of every hook. */
  failures: [],
  hookFailures: [],
  /** Reasons given by test/requirements.ts, one a skipped test. */
  skips: [],
  /** `{ name, needs }` of every test that is for a later kernel than this machine's. */
  elsewhere: [],
  started: _name => {},
}

export const suite = (name = '', state = {}) => watched(uvu.suite(name, state), name)
export const test = watched(uvu.test, '')
export const exec = uvu.exec

function watched(inner, suiteName) {
  const fullName = name => (suiteName ? `${suiteName}: ${name}` : name)
  const registers = add => (name, handler) => {
    watch.registered++
    add(name, context => {
      watch.started(fullName(name))
      return noting(watch.failures, fullName(name), () => handler(context))
    })
  }
  const hooks = (add, name) => handler =>
    add(context => noting(watch.hookFailures, fullName(name), () => handler(context)))

  const outer = registers(inner)
  outer.only = registers(inner.only)
  outer.skip = inner.skip
  outer.run = inner.run
  outer.before = hooks(inner.before, 'before')
  outer.before.each = hooks(inner.before.each, 'before.each')
  outer.after = hooks(inner.after, 'after')
  outer.after.each = hooks(inner.after.each, 'after.each')
  return outer
}

async function noting(list, name, handler) {
  try {
    await handler()
  } catch (thrown) {
    const error = asError(thrown)
    list.push({ name, error })
    throw error
  }
}

/** uvu's formatter dies on `throw 'text'` or `reject()`, and takes the rest of the suite with it. */
function asError(thrown) {
  if (thrown instanceof Error && typeof thrown.stack === 'string') return thrown
  return new Error(
    `threw ${typeof thrown === 'string' ? `'${thrown}'` : String(thrown)}, which is not an Error`,
  )
}
