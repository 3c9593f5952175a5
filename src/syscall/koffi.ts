/** koffi, from node_modules. What `bpfpin/esbuild` bundles has another module in the place of this one, which carries koffi. */
export function loadKoffi(): typeof import('koffi') {
  // a static import would load 1 MB for those who only parse, and that of node:module takes half a millisecond
  return process.getBuiltinModule('node:module').createRequire(import.meta.url)('koffi')
}
