import { randomBytes, randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { finalKey, quarantineKey } from '@airlock/domain'
import { Client } from 'pg'
import { withScratchDatabase } from '../src/commands/scratch-database.ts'
import { type Database, listenForMoves, migrate, openDatabase } from '../src/index.ts'

/**
 * Measures how many uploads a second go from register to complete (four moves in four statements), with and without a notification of each move.
 * A notification is written under a lock of the whole server, which commits hold one after the other.
 *
 *     DATABASE_URL=… node packages/database/bench/moves.ts
 */
const { values } = parseArgs({
  options: {
    uploads: { type: 'string', default: '2000' },
    atOnce: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
  },
})
const [uploads, atOnce, rounds] = [Number(values.uploads), Number(values.atOnce), Number(values.rounds)]
const say = (line: string) => process.stdout.write(`${line}\n`)
const log = { info: () => {}, warn: () => {} }

async function oneUpload({ uploads }: Database): Promise<void> {
  const [id, userId, filename] = [randomUUID(), randomUUID(), 'logo.png']
  const nonce = randomBytes(8).toString('hex')
  const door = 'form' as const
  await uploads.register(
    { id, userId, door, filename, declaredType: 'image/png', quarantineKey: quarantineKey(id), nonce, requestId: null },
    { filesPerHour: 1000 },
  )
  const places = { projectId: null, brandId: null }
  const key = finalKey({ uploadId: id, userId, assetType: 'brand_image', ...places, filename, acceptedAt: new Date() })
  const contentHash = randomBytes(32).toString('hex')
  await uploads.accept([
    { id, assetType: 'brand_image', ...places, detectedType: 'image/png', finalKey: key, sizeBytes: 1, contentHash, etag: 'e' },
  ])
  const outcome = await uploads.claim(id, { leaseSeconds: 60 })
  if (!outcome.claimed) throw new Error(outcome.reason)
  await uploads.complete(outcome.claim, { mediaType: 'image/png', facts: {} })
}

async function perSecond(database: Database): Promise<number> {
  const started = performance.now()
  let left = uploads
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) await oneUpload(database)
    }),
  )
  return uploads / ((performance.now() - started) / 1000)
}

const noteMove = (notify: string) => `
  create or replace function uploads_note_move() returns trigger language plpgsql as $$
  begin new.version := old.version + 1; ${notify} return new; end $$`
const notify = `perform pg_notify('airlock_uploads', new.id || ':' || new.state);`
const variants = { 'all moves': notify, 'as it is': `if old.state <> 'receiving' then ${notify} end if;`, 'no moves': '' }

await withScratchDatabase(process.env.DATABASE_URL ?? '', async (url) => {
  await migrate({ url, log })
  const sql = new Client(url)
  await sql.connect()
  const database = await openDatabase({
    url,
    poolSize: atOnce,
    statementTimeoutMs: 10_000,
    connectTimeoutMs: 5000,
    applicationName: 'airlock-bench',
    log,
  })
  let notified = 0
  const onMove = () => {
    notified += 1
  }
  const moves = listenForMoves({ url, log, onReady: () => {}, onLost: () => {}, onMove })
  await perSecond(database)
  for (let round = 0; round < rounds; round += 1) {
    for (const [what, notify] of Object.entries(variants)) {
      await sql.query(noteMove(notify))
      notified = 0
      say(`${what.padEnd(10)} ${(await perSecond(database)).toFixed(0).padStart(6)} uploads/s   ${notified} notifications`)
    }
  }
  await moves.close()
  await database.close()
  await sql.end()
})
