/** The path of a fixture's object: `fixture('counter')`. */
export function fixture(name: string): string {
  return new URL(`./fixtures/${name}.bpf.o`, import.meta.url).pathname
}
