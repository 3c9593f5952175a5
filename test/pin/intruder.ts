// A process of an unprivileged user who does what he can to a root that everybody may write to; then he waits.
import { throws } from 'node:assert'
import { execFileSync } from 'node:child_process'
import { mkdirSync, openSync, symlinkSync } from 'node:fs'
import { openPinned } from '../../src/index.ts'
import { lockFile, lockFlag } from '../../src/syscall/index.ts'

const [what = '', root = ''] = process.argv.slice(2)
switch (what) {
  case 'lock the root':
    lockFile(openSync(root, 'r'), lockFlag.EXCLUSIVE)
    break
  case 'lock the object': {
    // what he can: read a pin that is for everybody, and not the directory
    openPinned('functions', { root, readOnly: true })
    throws(() => openSync(`${root}/functions`, 'r'), { code: 'EACCES' })
    lockFile(openSync(`${root}/functions/maps`, 'r'), lockFlag.EXCLUSIVE)
    break
  }
  case 'take the staging directory':
    mkdirSync(`${root}/functions~next`)
    break
  case 'take the name':
    mkdirSync(`${root}/functions`)
    break
  case 'lead the staging directory elsewhere':
    symlinkSync('..', `${root}/functions~next`)
    break
  case 'lead the name elsewhere':
    symlinkSync('..', `${root}/functions`)
    break
}
console.log(execFileSync('id', ['-u'], { encoding: 'utf8' }).trim())
setInterval(() => {}, 1000)
