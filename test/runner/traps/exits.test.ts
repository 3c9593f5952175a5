import { test } from 'uvu'

test('leaves early', () => {
  process.exit(0)
})
test.run()
