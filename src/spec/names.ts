/**
 * Gives equal names a suffix from their order of definition: `hits`, `hits~1`, `hits~2`. Only a statically linked
 * object has equal names: static maps, variables and functions of different source files. No C name contains `~`.
 */
export function uniqueNames(): (name: string) => string {
  /** Names that are taken, with the number of the next one like it. */
  const taken = new Map<string, number>()
  return name => {
    let count = taken.get(name)
    if (count === undefined) {
      taken.set(name, 1)
      return name
    }
    // a section may be called anything, `.data.a~1` too
    while (taken.has(`${name}~${count}`)) count++
    const unique = `${name}~${count}`
    taken.set(name, count + 1)
    taken.set(unique, 1)
    return unique
  }
}
