import { expect, test } from 'vitest'
import { Permits } from '../../src/s3/permits.ts'

test('permits limit concurrency, in the order of requests', async () => {
  const permits = new Permits(2)
  const log: string[] = []
  const enter = async (name: string) => {
    const leave = await permits.take()
    log.push(name)
    return leave
  }

  const leaveA = await enter('a')
  await enter('b')
  const c = enter('c')
  const d = enter('d')
  await Promise.resolve()
  expect(log).toEqual(['a', 'b'])

  leaveA()
  const leaveC = await c
  expect(log).toEqual(['a', 'b', 'c'])

  leaveC()
  await d
  expect(log).toEqual(['a', 'b', 'c', 'd'])
})

test('a released permit can be taken again', async () => {
  const permits = new Permits(1)

  for (let turn = 0; turn < 3; turn++) (await permits.take())()

  await expect(permits.take()).resolves.toBeTypeOf('function')
})
