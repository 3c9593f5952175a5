import { test } from 'uvu'

test('starts a timer', () => {
  setInterval(() => {}, 1000)
})
test.run()
