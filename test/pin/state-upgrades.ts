// A process of its own that upgrades an object back and forth, a number of times: state-upgrades.ts ROOT PID TIMES
import { state } from './state.ts'

const [root = '', pid = '', times = ''] = process.argv.slice(2)
for (let i = 0; i < Number(times); i++) {
  state(root, i % 2 === 0 ? 2 : 1, Number(pid))
    .upgrade({ onMismatch: 'convert-lossy' })
    .close()
}
