/** Numbers of 31 bits that look like chance and are the same for a seed (splitmix32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    return mixed(this.#state) >>> 1
  }
}

/** A seed of its own for each of several things that one seed is for. */
export function seedFor(...parts: readonly (number | string)[]): number {
  let seed = 0
  for (const part of parts) {
    const words = typeof part === 'number' ? [part] : Array.from(part, letter => letter.charCodeAt(0))
    for (const word of words) seed = mixed((seed ^ word) + 0x9e3779b9)
  }
  return seed | 0
}

function mixed(word: number): number {
  let z = word | 0
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return (z ^ (z >>> 15)) >>> 0
}
