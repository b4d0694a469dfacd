import { randomUUID } from 'node:crypto'
import { privateServer } from '@airlock/testkit'
import { expect } from 'vitest'
import { DatabaseUnavailable, migrate, openDatabase } from '../../src/index.ts'
import { connected, openAt, silent, test } from '../database-test.ts'
import { newUpload, plenty, received } from '../samples.ts'

const nowhere = 'postgresql://127.0.0.1:1/airlock'

test('a database can be opened while Postgres is unavailable, and each use reports it', async () => {
  const warnings: string[] = []
  const database = await openAt(nowhere, { log: { ...silent, warn: (_fields, message) => warnings.push(message) } })
  await expect(database.uploads.register(newUpload(), plenty)).rejects.toThrow('Postgres is unavailable: connect ECONNREFUSED')
  await expect(database.check(1000)).rejects.toThrow(DatabaseUnavailable)
  expect(warnings).toEqual(['database unavailable, connecting again at its next use'])
  await database.close()
})

test('refused credentials are an error, not an outage', async ({ url }) => {
  const wrong = new URL(url)
  wrong.pathname = '/no_such_database'
  await expect(openAt(wrong.href)).rejects.toMatchObject({ code: '3D000' })
})

test('check passes if Postgres responds and has our tables', async ({ database }) => {
  await expect(database.check(2000)).resolves.toBeUndefined()
})

test('an idle connection that the server closes is logged, and the next use works', async ({ url, sql }) => {
  const lost = Promise.withResolvers<{ fields: object; message: string }>()
  const database = await openAt(url, { poolSize: 1, log: { ...silent, warn: (fields, message) => lost.resolve({ fields, message }) } })
  const { id } = await received(database)

  await sql.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)

  const { fields, message } = await lost.promise
  expect(message).toBe('idle connection to the database lost')
  expect(fields).toMatchObject({ err: { code: '57P01' } })
  expect(fields, 'no properties of the connection').not.toHaveProperty('err.client')
  expect(await database.uploads.byId(id)).toMatchObject({ id })
  await database.close()
})

test('a connection that the server closes during a statement is unavailable, and the next use works', async ({ url, sql }) => {
  const database = await openAt(url, { poolSize: 1 })
  const upload = newUpload()
  const blocker = await connected(url)
  await blocker.query('begin')
  await blocker.query('lock table uploads in access exclusive mode')
  const registering = database.uploads.register(upload, plenty)
  registering.catch(() => {})

  await expect
    .poll(async () => {
      const { rows } = await sql.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return rows.length
    })
    .toBe(1)

  await expect(registering).rejects.toThrow(DatabaseUnavailable)
  await blocker.end()
  expect(await database.uploads.register(upload, plenty)).toMatchObject({ registered: true })
  await database.close()
})

test('an exhausted pool and a statement timeout are unavailable', async ({ url }) => {
  const database = await openDatabase({
    url,
    poolSize: 1,
    statementTimeoutMs: 1200,
    connectTimeoutMs: 400,
    applicationName: 'airlock-tests',
    log: silent,
  })
  const blocker = await connected(url)
  await blocker.query('begin')
  await blocker.query('lock table uploads in access exclusive mode')

  const [slow, waiting] = await Promise.allSettled([
    database.uploads.register(newUpload(), plenty),
    database.uploads.register(newUpload(), plenty),
  ])

  expect(slow).toMatchObject({ reason: { name: 'DatabaseUnavailable', message: expect.stringContaining('statement timeout') } })
  expect(waiting).toMatchObject({ reason: { name: 'DatabaseUnavailable', message: expect.stringContaining('timeout exceeded') } })
  await expect(database.check(50)).rejects.toThrow('Postgres did not answer within 50 ms')
  await blocker.end()
  expect(await database.uploads.register(newUpload(), plenty)).toMatchObject({ registered: true })
  await database.close()
})

test('closing waits for running statements, and refuses new ones', async ({ url }) => {
  const database = await openAt(url)
  const registering = Promise.all(Array.from({ length: 30 }, () => database.uploads.register(newUpload(), plenty)))
  const userId = randomUUID()
  const ofOneUser = [1, 2].map(() => database.uploads.register(newUpload({ userId }), plenty))
  const both = Promise.allSettled(ofOneUser)
  await database.close()
  expect(await registering).toHaveLength(30)
  // the second waits for the first, and does not run yet
  expect(await both).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { name: 'DatabaseUnavailable' } }])
  await expect(database.check(1000)).rejects.toThrow('The database was closed.')
})

test('a server that stops, hangs and returns is used again', { timeout: 60_000 }, async ({ onTestFinished }) => {
  const server = await privateServer('postgres')
  onTestFinished(() => server.drop())
  await migrate({ url: server.address.url, log: silent })
  const database = await openAt(server.address.url, { statementTimeoutMs: 500 })
  const { id } = await received(database)

  await server.stop()
  await expect(database.uploads.byId(id)).rejects.toThrow(DatabaseUnavailable)
  const openedMeanwhile = await openAt(server.address.url)
  await server.start()
  expect(await database.uploads.byId(id)).toMatchObject({ id, state: 'received' })
  expect(await openedMeanwhile.uploads.byId(id)).toMatchObject({ id, state: 'received' })
  await openedMeanwhile.close()

  await server.pause()
  await expect(database.uploads.byId(id)).rejects.toThrow(DatabaseUnavailable)
  await server.resume()
  expect(await database.uploads.byId(id)).toMatchObject({ id, state: 'received' })

  await server.pause()
  const started = performance.now()
  await database.close()
  expect(performance.now() - started).toBeLessThan(3000)
  await server.resume()
})
