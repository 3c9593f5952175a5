// How the project's own commands (`npm run ...`) read what they are given.
import { parseArgs } from 'node:util'

export function commandLine(usage, config) {
  const options = { ...config.options, help: { type: 'boolean', short: 'h', default: false } }
  let given
  try {
    given = parseArgs({ ...config, options })
  } catch (error) {
    refuse(`${error.message}\n\n${usage}`)
  }
  if (!given.values.help) return given
  console.log(usage)
  process.exit(0)
}

export function numberOf(name, text, least = 0) {
  const number = Number(text)
  if (text.trim() !== '' && number >= least && number < Infinity) return number
  return refuse(`--${name} ${text}: a number is needed, of ${least} or more`)
}

export function refuse(why) {
  console.error(why)
  process.exit(2)
}
