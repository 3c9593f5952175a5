// Another process, or a worker, that runs a program of an object that is pinned: DIRECTORY PROGRAM FIRST COUNT FLAGS, and
// goes on until the object's counter says that so many events were written: UNTIL.
import { openPinned } from '../../src/index.ts'
import { request } from './events.ts'

const [directory = '', name = '', ...numbers] = process.argv.slice(2)
const [first = 0, count = 0, flags = 0, until = 0] = numbers.map(Number)
using object = openPinned(directory)
const program = object.programs.get(name)
const written = object.variables.get('written')
for (let at = first; at === first || Number(written.get()) < until; at += count)
  request(program, at, count, flags)
