import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseBtf } from '../../src/btf/index.ts'
import { Questions, type Target } from './contract.ts'
import type { Guard } from './guards.ts'
import { btfTarget } from './targets/btf.ts'
import { elfTarget } from './targets/elf.ts'
import { extTarget } from './targets/ext.ts'
import { specTarget } from './targets/spec.ts'

/** One file for each way in which a file can be wrong. `.elf`, `.btf`; `.split`: BTF that continues `base.btf`. */
export const directory: string = fileURLToPath(new URL('../fixtures/malformed/', import.meta.url))

export function malformedFiles(): string[] {
  return readdirSync(directory).filter(name => /\.(?:elf|btf|split)$/.test(name) && name !== 'base.btf')
}

const targetsOf: Readonly<Record<string, readonly Target[]>> = {
  elf: [elfTarget, extTarget, specTarget],
  btf: [btfTarget],
  split: [
    {
      ...btfTarget,
      ask(bytes, questions) {
        const btf = parseBtf(bytes, { base: parseBtf(readFileSync(`${directory}base.btf`)) })
        questions.attempt(() => btf.check())
      },
    },
  ],
}

/** Asks all that there is to ask of a file, and returns all that is refused. */
export function refusalsOf(name: string, bytes: Uint8Array): Error[] {
  const errors: Error[] = []
  const targets = targetsOf[name.slice(name.lastIndexOf('.') + 1)] ?? []
  for (const target of targets) {
    // each turn asks something else
    for (const turn of [0, 1]) {
      const isRefusal = (error: Error): boolean => {
        errors.push(error)
        return target.isRefusal(error)
      }
      const questions = new Questions({ isRefusal }, 'twin', turn, true)
      questions.attempt(() => target.ask(bytes, questions))
    }
  }
  return errors
}

/** Which of the guards refused that: by where it came from, or by what it says. */
export function guardsBehind(error: Error, guards: readonly Guard[]): Guard[] {
  const stack = error.stack ?? ''
  return guards.filter(({ place, message }) =>
    message
      ? message.test(error.message) && stack.includes(place.split(':')[0]!)
      : stack.includes(`/${place}:`),
  )
}

export function readMalformed(name: string): Uint8Array {
  return new Uint8Array(readFileSync(directory + name))
}

/** The guards that refuse a file of the corpus. */
export function hitsOf(name: string, guards: readonly Guard[]): Set<Guard> {
  const errors = refusalsOf(name, readMalformed(name))
  return new Set(errors.flatMap(error => guardsBehind(error, guards)))
}
