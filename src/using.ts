// What the compiler makes of `using` calls these, by these names. The package is built with this in the place of the library
// that the compiler would import them from: else each of the many files that have a `using` would carry its own.

interface Scope {
  readonly stack: Disposable[]
  error: unknown
  hasError: boolean
}

export function __addDisposableResource<T extends Disposable | null | undefined>(scope: Scope, value: T): T {
  if (value === null || value === undefined) return value
  if (typeof value[Symbol.dispose] !== 'function')
    throw new TypeError('what is after `using` cannot be disposed of')
  scope.stack.push(value)
  return value
}

/** Disposes of what the scope has, the last first. An error in it does not hide the one that ended the scope. */
export function __disposeResources(scope: Scope): void {
  for (let value = scope.stack.pop(); value !== undefined; value = scope.stack.pop()) {
    try {
      value[Symbol.dispose]()
    } catch (error) {
      scope.error = scope.hasError ? suppressing(error, scope.error) : error
      scope.hasError = true
    }
  }
  if (scope.hasError) throw scope.error
}

/** Modules that a user names are imported as they are called. */
export function __rewriteRelativeImportExtension(specifier: string): string {
  return specifier
}

/** SuppressedError is in Node 24. */
function suppressing(error: unknown, suppressed: unknown): Error {
  const name = 'SuppressedError'
  return Object.assign(new Error('an error was suppressed during disposal'), { name, error, suppressed })
}
