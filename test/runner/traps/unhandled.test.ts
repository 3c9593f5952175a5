import { test } from 'uvu'

test('forgets a rejection', async () => {
  void Promise.reject(new Error('nobody saw'))
  await new Promise(resolve => setTimeout(resolve, 20))
})
test.run()
