import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { test } from '../database-test.ts'

const leaseRequest = (given: Partial<{ holder: string; leaseSeconds: number; notWithinSeconds: number }> = {}) => ({
  holder: randomUUID(),
  leaseSeconds: 60,
  notWithinSeconds: 0,
  ...given,
})

const positions = { strays: { after: 'brand-images/x', endedAt: null } }

test.beforeEach(async ({ sql }) => {
  await sql.query('truncate sweeper')
})

test('of ten concurrent sweepers, one gets the lease', async ({ database, other }) => {
  const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? database : other).sweeper.take(leaseRequest())))
  expect(answers.filter((answer) => answer !== null)).toEqual([{}])
})

test('a sweep continues at the cursors of the previous one', async ({ database, other }) => {
  const mine = leaseRequest()
  await database.sweeper.take(mine)
  expect(await database.sweeper.end({ ...mine, positions })).toBe(true)
  expect(await other.sweeper.take(leaseRequest())).toEqual(positions)
})

test('after a sweeper died, another one takes over when the lease expires, and continues at the last cursor', async ({ database, sql }) => {
  const dead = leaseRequest()
  await database.sweeper.take(dead)
  expect(await database.sweeper.renew({ ...dead, positions })).toBe(true)
  expect(await database.sweeper.take(leaseRequest())).toBeNull()
  await sql.query(`update sweeper set lease_until = now() - interval '1 ms'`)

  const next = leaseRequest()
  expect(await database.sweeper.take(next)).toEqual(positions)

  expect(await database.sweeper.renew({ ...dead, positions: {} }), 'the paused sweeper continues').toBe(false)
  expect(await database.sweeper.end({ ...dead, positions: {} })).toBe(false)
  expect(await database.sweeper.renew({ ...next, positions })).toBe(true)
})

test('several workers sweep no more often than one: sweeps have a minimum interval', async ({ database, sql }) => {
  const first = leaseRequest()
  await database.sweeper.take(first)
  await database.sweeper.end({ ...first, positions })
  expect(await database.sweeper.take(leaseRequest({ notWithinSeconds: 15 }))).toBeNull()
  await sql.query(`update sweeper set ended_at = ended_at - interval '15 s'`)
  expect(await database.sweeper.take(leaseRequest({ notWithinSeconds: 15 }))).toEqual(positions)
})

test('after the clock was set back, the next sweep is not delayed', async ({ database, sql }) => {
  const first = leaseRequest()
  await database.sweeper.take(first)
  await database.sweeper.end({ ...first, positions })
  expect(await database.sweeper.clockSetBackSeconds()).toBe(0)
  await sql.query(`update sweeper set ended_at = ended_at + interval '1 hour'`)

  expect(Math.round((await database.sweeper.clockSetBackSeconds()) / 60)).toBe(60)
  expect(await database.sweeper.take(leaseRequest({ notWithinSeconds: 15 }))).toEqual(positions)
})

test('after the clock was set back, a lease from before it is ignored, and a later one is not', async ({ database, sql }) => {
  await database.sweeper.take(leaseRequest())
  await sql.query(`update sweeper set ended_at = now() + interval '1 hour', lease_until = now() + interval '1 hour'`)
  expect(await database.sweeper.take(leaseRequest())).toEqual({})
  expect(await database.sweeper.take(leaseRequest())).toBeNull()
})

test('after the clock was set back, times in the future are moved back, and later ones are kept', async ({ database, sql }) => {
  await sql.query(`truncate purges`)
  await sql.query(`insert into purges (key, upload_id, due_at) values
    ('before', gen_random_uuid(), now() + interval '1 hour 20 s'), ('since', gen_random_uuid(), now() + interval '30 s')`)

  await database.sweeper.moveBack(3600)

  const { rows } = await sql.query(`select key, due_at between now() and now() + interval '31 s' as soon from purges order by key`)
  expect(rows).toEqual([
    { key: 'before', soon: true },
    { key: 'since', soon: true },
  ])
  await sql.query(`truncate purges`)
})
