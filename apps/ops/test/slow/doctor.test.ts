import { FaultyLink } from '@airlock/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { doctorCommand } from '../../src/commands/doctor/index.ts'
import { accepts, type OpsServers, openOpsServers } from '../servers.ts'

let servers: OpsServers

beforeAll(async () => {
  servers = await openOpsServers()
})
afterAll(() => servers.close())

async function examines(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Map<string, { result: string; detail: string }>> {
  const { out } = await servers.runs(doctorCommand, [...args, '--json'], { env })
  return new Map(JSON.parse(out).findings.map((finding: { check: string }) => [finding.check, finding]))
}

test('probe leaves nothing in the bucket, and verify finds an upload without its bytes', async () => {
  const well = await examines([])
  expect(well.get('probe')).toMatchObject({ result: 'ok' })
  expect(well.get('verify')).toMatchObject({ result: 'ok', detail: '0 rows and objects agree' })
  expect(await servers.bucket.keys('')).toEqual([])

  const upload = await servers.database.uploads.byId(await accepts(servers))
  await servers.store.purge(upload?.quarantineKey ?? '')
  expect((await examines([])).get('verify')).toMatchObject({
    result: 'problem',
    detail: expect.stringMatching(/^upload without object: 1/),
  })
}, 90_000)

test('a Postgres that accepts connections and is silent does not hold it up', async () => {
  const link = new FaultyLink(servers.databaseUrl)
  const url = await link.open()
  link.become({ kind: 'hole' })
  const started = performance.now()

  expect((await examines(['--quick'], { DATABASE_URL: url })).get('postgres')).toMatchObject({ result: 'problem' })

  expect(performance.now() - started).toBeLessThan(15_000)
  await link.close()
})
