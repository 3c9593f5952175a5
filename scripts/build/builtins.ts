import type { Plugin } from 'esbuild'

/**
 * Takes Node's own modules from `process.getBuiltinModule()`. An import of `node:fs` asks for each of its names, among them
 * `promises` and the streams, which are then loaded, some sixty modules; and `node:os` and `node:module` are not loaded yet
 * when a process starts. What is named here is looked up when it is first called.
 */
export const lateBuiltins: Plugin = {
  name: 'late-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'builtin', sideEffects: false }))
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: moduleOf(path, process.getBuiltinModule(path) as Record<string, unknown>),
    }))
  },
}

function moduleOf(path: string, builtin: Record<string, unknown>): string {
  const exported = Object.keys(builtin)
    .filter(name => /^[a-zA-Z]\w*$/.test(name))
    // a getter loads what it gives
    .filter(name => 'value' in Object.getOwnPropertyDescriptor(builtin, name)!)
    .map(name =>
      isPlainFunction(builtin[name])
        ? `export function ${name}() { return (builtin ??= process.getBuiltinModule('${path}')).${name}(...arguments) }`
        : `export const ${name} = /* @__PURE__ */ of('${name}')`,
    )
  return `let builtin\nconst of = name => (builtin ??= process.getBuiltinModule('${path}'))[name]\n${exported.join('\n')}`
}

/** Classes are extended and constructed: they must be the real ones. */
function isPlainFunction(value: unknown): boolean {
  return typeof value === 'function' && !/^[A-Z]/.test(value.name)
}
