// Something to count on a quiet machine: reads a file in bursts, and asks for one that is not there.
import { existsSync, readFileSync } from 'node:fs'

process.title = 'demo-worker'
setInterval(() => {
  for (let i = 0; i < 100; i++) {
    readFileSync('/proc/self/stat')
    existsSync('/proc/self/no-such-file')
  }
}, 20)
