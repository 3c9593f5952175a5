/**
 * Gives equal names a suffix from their order of definition: `hits`, `hits~1`, `hits~2`. Only a statically linked
 * object has equal names: static maps, variables and functions of different source files. No C name contains `~`.
 */
export function uniqueNames(): (name: string) => string {
  const times = new Map<string, number>()
  const taken = new Set<string>()
  return name => {
    let count = times.get(name) ?? 0
    let unique = count === 0 ? name : `${name}~${count}`
    // a section may be called anything, `.data.a~1` too
    while (taken.has(unique)) unique = `${name}~${++count}`
    times.set(name, count + 1)
    taken.add(unique)
    return unique
  }
}
