// How node starts programs in a machine: `node --require start.cjs PROGRAM.ts`. Hooks for modules run in a thread of
// their own, which an emulated node needs seconds for; so PROGRAM.mjs is started, which test/runner/built-sources.ts made
// of it. The checkout in a machine does not say that it has modules, or node would refuse the name before it asks here.
const { register } = require('node:module')
const { join } = require('node:path')
const { pathToFileURL } = require('node:url')

require.extensions['.ts'] = (_module, path) => import(pathToFileURL(path.replace(/ts$/, 'mjs')).href)

// code from the command line has no file, and may import sources
if (process.argv[1] === undefined) register(pathToFileURL(join(__dirname, '../../test/runner/ts-loader.mjs')))
