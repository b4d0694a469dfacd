import { expect, test } from 'vitest'
import { Chores } from '../../src/chores.ts'

test('the shutdown waits for chores, also for those that begin meanwhile', async () => {
  const chores = new Chores()
  const order: string[] = []
  const later = Promise.withResolvers<void>()
  chores.add(
    later.promise.then(() => {
      order.push('first')
      chores.add(Promise.resolve().then(() => void order.push('second')))
    }),
  )
  const done = chores.done().then(() => void order.push('done'))
  later.resolve()
  await done
  expect(order).toEqual(['first', 'second', 'done'])
})
