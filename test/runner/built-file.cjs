const { existsSync } = require('node:fs')
const { join, relative } = require('node:path')

const checkout = join(__dirname, '../..')

/** What built-sources.ts made of a source, if it did: beside it in a virtual machine, else where the runner says. */
exports.builtFile = path => {
  const place = process.env.BPFPIN_TEST_BUILT
  const source = place === undefined ? path : join(place, relative(checkout, path))
  const built = source.replace(/\.ts$/, '.mjs')
  return built !== source && existsSync(built) ? built : undefined
}
