import type { Plugin } from 'esbuild'

/** What node has loaded before it runs anything. */
const loaded: ReadonlySet<string> = new Set(['node:buffer', 'node:events', 'node:fs', 'node:path'])

/**
 * Takes Node's own modules from `process.getBuiltinModule()`. An import of `node:fs` asks for each of its names, among them
 * `promises` and the streams, which are then loaded, some sixty modules. Of modules that are not loaded when a process starts,
 * functions are looked up when they are first called.
 */
export const lateBuiltins: Plugin = {
  name: 'late-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'builtin', sideEffects: false }))
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: builtinModule(path),
    }))
  },
}

/** A module that exports what the one of Node's does, under the same names. */
export function builtinModule(path: string): string {
  const builtin = process.getBuiltinModule(path) as Record<string, unknown> // any module is an object
  const exported = Object.keys(builtin)
    .filter(name => /^[a-zA-Z]\w*$/.test(name))
    .flatMap(name => {
      // a getter loads what it gives
      const isGetter = !('value' in Object.getOwnPropertyDescriptor(builtin, name)!)
      if (isPlainFunction(builtin[name]) && (isGetter || !loaded.has(path)))
        return [`export function ${name}() { return it().${name}(...arguments) }`]
      return isGetter ? [] : [`export const ${name} = /* @__PURE__ */ of('${name}')`]
    })
  return [
    'let builtin',
    `const it = () => (builtin ??= process.getBuiltinModule('${path}'))`,
    'const of = name => it()[name]',
    ...exported,
  ].join('\n')
}

/** Classes are extended and constructed: they must be the real ones. */
function isPlainFunction(value: unknown): boolean {
  return typeof value === 'function' && !/^[A-Z]/.test(value.name)
}
