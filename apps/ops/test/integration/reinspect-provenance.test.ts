import { randomUUID } from 'node:crypto'
import { openDatabase } from '@airlock/database'
import { type Facts, type Provenance, refusal, type Verdict } from '@airlock/domain'
import { isolatedDatabase } from '@airlock/testkit'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Inspector } from '../../src/commands/reinspect/inspector.ts'
import { type FillOptions, fillInProvenance } from '../../src/commands/reinspect/provenance.ts'

let sql: Client
let assets: Inspector['assets']
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const { url, drop } = await isolatedDatabase()
  sql = new Client({ connectionString: url })
  await sql.connect()
  await sql.query('set session_replication_role = replica')
  const limits = { poolSize: 2, statementTimeoutMs: 5000, connectTimeoutMs: 2000 }
  const database = await openDatabase({ url, ...limits, applicationName: 'test', log: { info: () => {}, warn: () => {} } })
  assets = database.assets
  ends.push(database.close, () => sql.end(), drop)
})
afterAll(async () => {
  for (const end of ends) await end()
})
beforeEach(() => sql.query('truncate assets cascade'))

const signed: Provenance = {
  present: true,
  state: 'valid',
  content: 'bound',
  generator: 'Example\u001b[2J Maker',
  digital_source_type: 'trainedAlgorithmicMedia',
  ai_generated: true,
  signer: 'Airlock test',
  signed_at: null,
}
const unsigned: Provenance = { present: false }

/** Stores an asset. @returns its id, in the order of the calls */
async function stored(name: string, facts: object = {}, kind = 'brand_image'): Promise<string> {
  const [{ count }] = (await sql.query('select count(*) from assets')).rows
  const id = `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`
  await sql.query(
    `insert into assets (id, user_id, upload_id, s3_key, original_filename, file_size, mime_type, asset_type, metadata)
     values ($1, $2, $2, $3, $3::text, 1, 'image/png', $4, $5)`,
    [
      id,
      randomUUID(),
      name,
      kind,
      JSON.stringify({ source: 'form', client: { order: 1 }, facts: { width: 2, inspection_version: 1, ...facts } }),
    ],
  )
  return id
}

const rows = async () => (await sql.query('select * from assets order by id')).rows
const factsOf = async (id: string) => (await sql.query('select metadata from assets where id = $1', [id])).rows[0]?.metadata.facts

/** Inspection that finds this in the files of these names. */
const finds =
  (found: Record<string, Facts['provenance'] | 'rejected' | (() => Promise<void>)>) =>
  async ({ s3Key }: { s3Key: string }): Promise<Verdict> => {
    const provenance = found[s3Key]
    if (provenance === undefined) throw new Error('its object does not exist')
    if (provenance === 'rejected') return { ok: false, refusal: refusal('empty_file', { filename: s3Key }) }
    if (typeof provenance !== 'function') return { ok: true, mediaType: 'image/png', facts: { width: 2, provenance } }
    await provenance()
    return { ok: true, mediaType: 'image/png', facts: { provenance: signed } }
  }

async function fill(inspect: Inspector['inspect'], options: Partial<FillOptions> = {}) {
  const [out, err] = [[] as string[], [] as string[]]
  const io = { env: {}, out: (text: string) => out.push(text), err: (text: string) => err.push(text) }
  const code = await fillInProvenance({ assets, inspect }, { dryRun: false, all: false, after: null, json: false, ...options }, io)
  return { code, out: out.join('\n'), err: err.join('\n') }
}

test('unknown provenance is filled in, and nothing else is changed', async () => {
  const ids = [await stored('signed.png'), await stored('plain.png'), await stored('known.png', { provenance: unsigned })]
  const [video = '', set = ''] = [await stored('clip.mp4', {}, 'generated_video'), await stored('set.zip', {}, 'lora_training')]
  const before = await rows()
  const inspect = finds({ 'signed.png': signed, 'plain.png': unsigned, 'clip.mp4': unsigned })

  const { code, out, err } = await fill(inspect)

  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toBe(
    `${ids[0]} signed.png AI-generated: yes (valid, signed by Airlock test) · Example\ufffd[2J Maker\n` +
      '3 filled in, 0 unchanged, 0 changed meanwhile, 0 rejected by the current rules, 0 could not be read, 2 skipped',
  )
  expect(await factsOf(ids[0] ?? '')).toEqual({ width: 2, inspection_version: 1, provenance: signed })
  expect(await factsOf(ids[1] ?? '')).toEqual({ width: 2, inspection_version: 1, provenance: unsigned })
  expect(await factsOf(video)).toMatchObject({ provenance: unsigned })
  expect(await factsOf(set)).not.toHaveProperty('provenance')
  const without = (all: { metadata: { facts: object } }[]) =>
    all.map((row) => ({ ...row, metadata: { ...row.metadata, facts: { ...row.metadata.facts, provenance: null } } }))
  expect(without(await rows())).toEqual(without(before))

  expect((await fill(finds({}))).out, 'a second run has nothing to do').toContain('0 filled in, 0 unchanged')
})

test('a dry run lists what would be changed, and changes nothing', async () => {
  await stored('signed.png')
  const before = await rows()

  const { code, out } = await fill(finds({ 'signed.png': signed }), { dryRun: true, json: true })

  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ assets: [{ s3_key: 'signed.png', provenance: signed }], filled: 1, dry_run: true })
  expect(await rows()).toEqual(before)
})

test('assets that cannot be read, or that the current rules reject, are named and left as they are', async () => {
  const [lost, broken] = [await stored('lost.png'), await stored('broken.png')]
  const before = await rows()

  const { code, out, err } = await fill(finds({ 'broken.png': 'rejected' }))

  expect(code).toBe(1)
  expect(err).toBe(`${lost} lost.png could not be read: its object does not exist`)
  expect(out).toContain(`${broken} broken.png is not filled in, the current rules reject it: empty_file: `)
  expect(await rows()).toEqual(before)
})

test('an asset that is deleted or filled in meanwhile is left as it is', async () => {
  const [deleted, filled] = [await stored('deleted.png'), await stored('filled.png')]
  const inspect = finds({
    'deleted.png': async () => void (await sql.query('delete from assets where id = $1', [deleted])),
    'filled.png': async () =>
      void (await sql.query(`update assets set metadata = jsonb_set(metadata, '{facts,provenance}', '{"present": false}') where id = $1`, [
        filled,
      ])),
  })

  const { code, out } = await fill(inspect)

  expect(code).toBe(0)
  expect(out).toContain('0 filled in, 0 unchanged, 2 changed meanwhile')
  expect(await factsOf(filled)).toMatchObject({ provenance: unsigned })
})

test('--all also compares what is known, for example after a change of the trusted certificates', async () => {
  const [same, other] = [await stored('same.png', { provenance: signed }), await stored('other.png', { provenance: signed })]
  const trusted = { ...signed, state: 'trusted' } as const

  const { out } = await fill(finds({ 'same.png': signed, 'other.png': trusted }), { all: true })

  expect(out).toContain('1 filled in, 1 unchanged')
  expect([await factsOf(same), await factsOf(other)]).toMatchObject([{ provenance: signed }, { provenance: trusted }])
})

test('a run continues after an asset', async () => {
  const [first = '', second = ''] = [await stored('a.png'), await stored('b.png')]

  await fill(finds({ 'a.png': unsigned, 'b.png': unsigned }), { after: first })

  expect(await factsOf(first)).not.toHaveProperty('provenance')
  expect(await factsOf(second)).toMatchObject({ provenance: unsigned })
})
