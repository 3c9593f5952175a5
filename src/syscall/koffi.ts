/** koffi, from node_modules. What `bpfpin/esbuild` bundles has another module in the place of this one, which carries koffi. */
export function loadKoffi(): typeof import('koffi') {
  // a static import would load 1 MB for those who only parse, and that of node:module takes half a millisecond
  const require = process.getBuiltinModule('node:module').createRequire(import.meta.url)
  return nativePart(require) ?? require('koffi')
}

/**
 * koffi's native part, from its package for this processor, where it is plain which file that is. koffi's own entry asks for
 * the packages of all platforms and reads the executable of node, which takes four times as long as all of the native part.
 */
function nativePart(require: NodeJS.Require): typeof import('koffi') | undefined {
  const { arch } = process
  const { createRequire } = process.getBuiltinModule('node:module')
  const musl = { x64: 'x86_64', arm64: 'aarch64' }[String(arch)]
  if (musl === undefined || process.getBuiltinModule('node:fs').existsSync(`/lib/ld-musl-${musl}.so.1`))
    return undefined
  try {
    return createRequire(require.resolve('koffi'))(`@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`)
  } catch {
    // koffi says what is wrong
    return undefined
  }
}
