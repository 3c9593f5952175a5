import { createRequire } from 'node:module'

/** koffi, from node_modules. What `bpfpin/esbuild` bundles has another module in the place of this one, which carries koffi. */
export function loadKoffi(): typeof import('koffi') {
  // a static import would load 1 MB for those who only parse
  return createRequire(import.meta.url)('koffi')
}
