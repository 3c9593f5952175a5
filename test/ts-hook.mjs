// Lets node 20 import TypeScript sources: `node --import ./test/ts-hook.mjs --enable-source-maps FILE`.
// Node 22.18 strips types by itself; the sources are written so that both ways give the same program.
import { register } from 'node:module'

register('./runner/ts-loader.mjs', import.meta.url)
