import { randomUUID } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { privateServer, waitFor } from '@airlock/testkit'
import { expect, onTestFinished } from 'vitest'
import { type DatabaseLog, listenForMoves, listenForPurges, type MoveOptions, migrate } from '../../src/index.ts'
import { openAt, silent, test } from '../database-test.ts'
import { claim, claimed, lapse, newUpload, plenty, promoted, received, tooBig } from '../samples.ts'

const application = () => `airlock-tests-${randomUUID()}`

/** Listens for a test, and records notifications. */
function listening(url: string, given: Partial<MoveOptions> = {}) {
  const notified: string[] = []
  const applicationName = application()
  const log: DatabaseLog = { info: (_fields, message) => notified.push(message), warn: (_fields, message) => notified.push(message) }
  const moves = listenForMoves({
    url,
    applicationName,
    log,
    onMove: (id, state) => notified.push(`${id} ${state}`),
    onReady: () => notified.push('ready'),
    onLost: () => notified.push('lost'),
    timeoutMs: 1000,
    longestPauseMs: 200,
    ...given,
  })
  onTestFinished(() => moves.close())
  return { notified, moves, applicationName, receives: (what: string) => expect.poll(() => notified, { timeout: 15_000 }).toContain(what) }
}

test('each move of an accepted upload is notified after its commit, in order', async ({ database, url, sql }) => {
  const { notified, receives } = listening(url)
  await receives('ready')

  const abandoned = newUpload()
  await database.uploads.register(abandoned, plenty)
  await database.uploads.abandon(abandoned.id, tooBig, { giveBack: false })
  const { uploadId } = await claimed(database)
  await sql.query(`update uploads set counted = false where id = $1`, [uploadId])
  await lapse(sql, uploadId)
  await database.uploads.retryLater(await claim(database, uploadId), 'timeout')
  await database.uploads.cancel(uploadId, tooBig)
  await receives(`${uploadId} rejected`)

  const states = ['processing', 'processing', 'received', 'rejected']
  expect(notified).toEqual(['ready', ...states.map((state) => `${uploadId} ${state}`)])
})

test('a rolled back move is not notified', async ({ database, url, sql }) => {
  const { notified, receives } = listening(url)
  await receives('ready')
  const { id } = await received(database)
  await sql.query('begin')
  await sql.query(
    `update uploads set state = 'rejected', rejected_at = now(), error_code = 'a', error_title = 'b', error_detail = 'c' where id = $1`,
    [id],
  )
  await sql.query('rollback')
  await sql.query(`notify airlock_uploads, 'nonsense'`)
  await receives('unknown notification on airlock_uploads')
  expect(notified).toEqual(['ready', 'unknown notification on airlock_uploads'])
})

test('due purges notify once per commit', async ({ database, url, sql }) => {
  const notified: string[] = []
  const applicationName = application()
  const onReady = () => notified.push('ready')
  const listener = listenForPurges({ url, applicationName, log: silent, onReady, onLost: () => {}, onPurge: () => notified.push('purge') })
  onTestFinished(() => listener.close())
  await expect.poll(() => notified).toEqual(['ready'])

  const userId = randomUUID()
  for (let i = 0; i < 3; i += 1) await promoted(database, { userId })
  await sql.query('delete from users where id = $1', [userId])
  await expect.poll(() => notified).toEqual(['ready', 'purge'])
})

test('a failing listener is logged, and the others continue', async ({ database, url }) => {
  const failing = listening(url, {
    onMove: () => {
      throw new Error('out of ears')
    },
  })
  await failing.receives('ready')
  await claimed(database)
  await failing.receives('listener for database notifications failed')
  expect(failing.notified).not.toContain('lost')
})

test('a connection that the server closes is reported once, re-established, and receives notifications again', async ({
  database,
  url,
  sql,
}) => {
  const { notified, receives, applicationName } = listening(url)
  await receives('ready')
  await sql.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [applicationName])
  await expect.poll(() => notified.filter((what) => what === 'ready')).toHaveLength(2)
  const { uploadId } = await claimed(database)
  await receives(`${uploadId} processing`)
  expect(notified).toEqual([
    'ready',
    'lost',
    'not listening for database notifications, will reconnect',
    'listening for database notifications again',
    'ready',
    `${uploadId} processing`,
  ])
})

test('closing ends the connection and all notifications', async ({ database, url, sql }) => {
  const { notified, moves, receives, applicationName } = listening(url)
  await receives('ready')
  await moves.close()
  await claimed(database)
  const { rows } = await sql.query('select from pg_stat_activity where application_name = $1', [applicationName])
  expect(rows).toEqual([])
  expect(notified).toEqual(['ready'])
  await moves.close()
})

test('listening while Postgres is unavailable is reported once, and can be closed at any time', async () => {
  const { notified, moves } = listening('postgresql://127.0.0.1:1/airlock', { longestPauseMs: 20 })
  await expect.poll(() => notified).toContain('not listening for database notifications, will reconnect')
  await new Promise((resolve) => setTimeout(resolve, 300)) // several more attempts
  await moves.close()
  expect(notified).toEqual(['not listening for database notifications, will reconnect'])
})

/** A server that accepts connections and never responds. */
async function silentServer(): Promise<{ url: string; connections: () => number }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  const address = server.address() as { port: number }
  return { url: `postgresql://airlock@127.0.0.1:${address.port}/airlock`, connections: () => sockets.size }
}

test('a server that never responds is retried after the timeout', async () => {
  const server = await silentServer()
  const { notified, moves } = listening(server.url, { timeoutMs: 100, longestPauseMs: 20 })
  await waitFor(() => server.connections() >= 3, { what: 'a third attempt', timeoutMs: 10_000 })
  const started = performance.now()
  await moves.close()
  expect(performance.now() - started).toBeLessThan(1500)
  expect(notified).toEqual(['not listening for database notifications, will reconnect'])
})

test('a silently dead connection is detected by a missing heartbeat', { timeout: 60_000 }, async () => {
  const server = await privateServer('postgres')
  onTestFinished(() => server.drop())
  const { url } = server.address
  await migrate({ url, log: silent })
  const { notified, receives, moves } = listening(url, { signOfLifeMs: 100, timeoutMs: 500 })
  await receives('ready')

  await server.pause()
  await receives('lost')
  await server.resume()
  await expect.poll(() => notified.filter((what) => what === 'ready'), { timeout: 15_000 }).toHaveLength(2)

  const database = await openAt(url)
  const { uploadId } = await claimed(database)
  await receives(`${uploadId} processing`)
  await database.close()

  await server.pause()
  const started = performance.now()
  await moves.close()
  expect(performance.now() - started).toBeLessThan(3000)
  await server.resume()
})
