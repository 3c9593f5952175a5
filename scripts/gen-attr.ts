// `npm run gen` writes src/syscall/attr.generated.ts and src/spec/uapi.generated.ts from the running kernel's BTF, with
// our own reader. `npm run gen -- --check` writes nothing: it fails where what is checked in is not in the kernel as
// written, and only says what a newer kernel has more.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { parseBtf } from '../src/btf/index.ts'
import { layoutsOf } from './gen/layouts.ts'
import { namesOf } from './gen/names.ts'

const vmlinux = '/sys/kernel/btf/vmlinux'

const isCheck = process.argv.includes('--check')

if (!existsSync(vmlinux)) {
  console.log(`${vmlinux} is not there: this kernel was built without CONFIG_DEBUG_INFO_BTF`)
  process.exit(isCheck ? 0 : 1)
}
const kernel = release().split('.', 2).join('.')
const btf = parseBtf(readFileSync(vmlinux), { where: vmlinux })
const generated = {
  'src/syscall/attr.generated.ts': layoutsOf(btf, kernel),
  'src/spec/uapi.generated.ts': namesOf(btf, kernel),
}

let failed = false
for (const [path, text] of Object.entries(generated)) {
  if (!isCheck) writeFileSync(path, text)
  else if (!compare(path, readFileSync(path, 'utf8'), text)) failed = true
}
if (failed) process.exit(1)

/** The kernel may be newer or older than the one that the file was made on: what both have must be equal. */
function compare(path: string, checkedIn: string, fresh: string): boolean {
  if (checkedIn === fresh) return true
  const have = facts(checkedIn)
  const kernel = facts(fresh)
  const missing = [...kernel.keys()].filter(key => !have.has(key))
  const wrong = [...have].filter(([key, value]) => kernel.has(key) && kernel.get(key) !== value)
  if (missing.length > 0) console.log(`${path}: this kernel also has ${missing.join(', ')}`)
  for (const [key, value] of wrong)
    console.log(`${path}: ${key} is ${value}, the kernel has ${kernel.get(key)}`)
  return wrong.length === 0
}

/** `{ a: { b: 1, } }` -> `a.b` = `1`, from the lines that we wrote ourselves; sizes grow with the kernel. */
function facts(text: string): Map<string, string> {
  const found = new Map<string, string>()
  const path: string[] = []
  for (const line of text.split('\n')) {
    const opened = /(\w+)(?::| =) \{$/.exec(line)
    const field = /^\s+'?(\w+)'?: (-?\d+),/.exec(line)
    if (opened) path.push(opened[1]!)
    else if (/^\s*\}/.test(line)) path.pop()
    else if (field && field[1] !== 'size_') found.set([...path, field[1]].join('.'), field[2]!)
  }
  return found
}
