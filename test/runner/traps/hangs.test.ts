import { test } from 'uvu'

test('spins', () => {
  for (;;);
})
test.run()
