import { expect, test } from 'vitest'
import { BackgroundTasks } from '../../src/operations/shutdown.ts'

test('the shutdown waits for background tasks, including those that begin meanwhile', async () => {
  const backgroundTasks = new BackgroundTasks()
  const order: string[] = []
  const later = Promise.withResolvers<void>()
  backgroundTasks.add(
    later.promise.then(() => {
      order.push('first')
      backgroundTasks.add(Promise.resolve().then(() => void order.push('second')))
    }),
  )
  const done = backgroundTasks.done().then(() => void order.push('done'))
  later.resolve()
  await done
  expect(order).toEqual(['first', 'second', 'done'])
})
