import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { assetTypes, lanes } from '@airlock/domain'
import { retryReasons, sweepRules } from '@airlock/lifecycle'
import { StoreUnavailable } from '@airlock/storage'
import { FaultyLink, waitFor } from '@airlock/testkit'
import { openAt } from '@airlock/testkit/airlock'
import { samples } from '@airlock/testkit/samples'
import { Client } from 'pg'
import { expect } from 'vitest'
import type { AirlockWorker } from '../../src/app.ts'
import { test } from '../airlock.ts'
import { pipeline, puts } from '../inbox.ts'

/** All series with their values. */
async function seriesOf(worker: AirlockWorker): Promise<Map<string, number>> {
  const { body } = await worker.health.inject('/metrics')
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

/** Waits until a series has at least the value: metrics are reused for a second. */
async function reaches(worker: AirlockWorker, series: string, value: number): Promise<void> {
  await waitFor(async () => ((await seriesOf(worker)).get(series) ?? Number.NaN) >= value, { what: `${series} to be ${value}` })
}

test('every series exists from the start, so that the first event counts', async ({ airlock }) => {
  const series = await seriesOf(airlock.buildsWorker())
  const expected = [
    ...['completed', 'rejected', 'parked', 'released', 'handed_back', 'leased', 'throttled', 'refused', 'nothing'].map(
      (outcome) => `airlock_jobs_total{outcome="${outcome}"}`,
    ),
    ...sweepRules.map((rule) => `airlock_swept_total{rule="${rule}"}`),
    ...retryReasons.map((reason) => `airlock_retries_total{reason="${reason}"}`),
    ...['unproven_object', 'vanished_object', 'last_copy'].map((what) => `airlock_sweep_found_total{what="${what}"}`),
    ...['removed', 'finished', 'spared', 'postponed'].map((outcome) => `airlock_purged_total{outcome="${outcome}"}`),
    ...['trusted', 'valid', 'invalid', 'unreadable', 'none'].map((state) => `airlock_provenance_total{state="${state}"}`),
    ...['inspect', 'copy', 'complete'].flatMap((step) =>
      assetTypes.map((kind) => `airlock_step_seconds_count{step="${step}",kind="${kind}"}`),
    ),
    ...['waiting', 'oldest_seconds', 'delayed', 'processing'].flatMap((name) =>
      lanes.map((lane) => `airlock_lane_${name}{lane="${lane}"}`),
    ),
    'airlock_received_bytes_total{door="pipeline",kind="generated_video"}',
    'airlock_uploads_parked',
    'airlock_uploads_receiving',
    'airlock_direct_uploads_open',
    'airlock_last_sweep_timestamp_seconds',
  ]
  expect(Object.fromEntries(expected.map((name) => [name, series.get(name)]))).toEqual(
    Object.fromEntries(expected.map((name) => [name, 0])),
  )
  // the inspectors are shared by all tests
  for (const reason of ['cpu_time', 'memory', 'crash', 'machine', 'aborted', 'worn'])
    expect(series.get(`airlock_inspector_restarts_total{reason="${reason}"}`), reason).toBeGreaterThanOrEqual(0)
  for (const dependency of ['postgres', 'redis', 's3']) {
    expect(series.get(`airlock_dependency_up{dependency="${dependency}"}`)).toBe(1)
    expect(series.get(`airlock_dependency_seconds{dependency="${dependency}"}`)).toBeGreaterThan(0)
  }
  const node = process.versions.node
  expect(series.get(`airlock_build_info{service="worker",version="0.1.0",revision="unknown",node="${node}"}`)).toBe(1)
  expect([...series.keys()]).toContain('nodejs_eventloop_lag_seconds')
  const pool = ['in_use', 'idle', 'waiting'].map((state) => series.get(`airlock_pool_connections{pool="postgres",state="${state}"}`))
  expect((pool[0] ?? 0) + (pool[1] ?? 0)).toBeGreaterThan(0)
  expect(pool[2]).toBe(0)
})

test('the steps of a run are measured by kind, and the memory of its inspector', async ({ airlock }) => {
  const worker = airlock.startsWorker()
  await airlock.comesTo('completed', await airlock.accepts(samples.photo))
  await airlock.comesTo('rejected', await airlock.accepts(samples.brokenPhoto))

  await reaches(worker, 'airlock_step_seconds_count{step="inspect",kind="brand_image"}', 2)
  const series = await seriesOf(worker)
  for (const step of ['copy', 'complete']) expect(series.get(`airlock_step_seconds_count{step="${step}",kind="brand_image"}`), step).toBe(1)
  expect(series.get('airlock_step_seconds_count{step="inspect",kind="generated_video"}')).toBe(0)
  expect(series.get('airlock_step_seconds_sum{step="inspect",kind="brand_image"}')).toBeGreaterThan(0.001)
  expect(series.get('airlock_provenance_total{state="none"}'), 'the rejected one is not counted').toBe(1)
  expect(series.get('airlock_inspector_peak_bytes')).toBeGreaterThan(20 * 1024 * 1024)
})

test('an attempt that fails by the store is counted as a retry', async ({ airlock }) => {
  const { store } = airlock.servers
  let failures = 1
  const copyToFinal: typeof store.copyToFinal = async (...args) => {
    if (failures-- > 0) throw new StoreUnavailable('no reply', args[1])
    return store.copyToFinal(...args)
  }
  const worker = airlock.startsWorker({ store: { ...store, copyToFinal } })

  await airlock.comesTo('completed', await airlock.accepts(samples.logo))

  await reaches(worker, 'airlock_retries_total{reason="store"}', 1)
  const series = await seriesOf(worker)
  expect(series.get('airlock_retries_total{reason="other"}')).toBe(0)
  expect(series.get('airlock_step_seconds_count{step="copy",kind="brand_image"}')).toBe(1)
})

test('the bytes of a video in the inbox are counted once', async ({ airlock }) => {
  const worker = airlock.startsWorker()
  const video = await puts(airlock)
  await pipeline(airlock.queues).enqueueGeneratedVideo(video)
  const series = 'airlock_received_bytes_total{door="pipeline",kind="generated_video"}'
  await reaches(worker, series, samples.scene.bytes.length)
  expect((await seriesOf(worker)).get(series)).toBe(samples.scene.bytes.length)
})

test('every worker shows the same work of all lanes, and a role for autoscalers reads it too', async ({ airlock, onTestFinished }) => {
  const { sql, databaseUrl } = airlock.servers
  const [picture] = [await airlock.accepts(samples.logo), await airlock.accepts(samples.photo), await airlock.accepts(samples.scene)]
  await sql.query(`update uploads set updated_at = now() - interval '100 seconds' where id = $1`, [picture?.id])
  await sql.query('insert into sweeper (ended_at) values (to_timestamp(1795478400))')
  const [one, other] = [airlock.buildsWorker(), airlock.buildsWorker({ lanes: ['training'] })]

  for (const worker of [one, other]) {
    const series = await seriesOf(worker)
    expect(lanes.map((lane) => series.get(`airlock_lane_waiting{lane="${lane}"}`))).toEqual([2, 1, 0])
    expect(series.get('airlock_lane_oldest_seconds{lane="images"}')).toBeCloseTo(100, -1)
    expect(series.get('airlock_last_sweep_timestamp_seconds')).toBe(1_795_478_400)
  }

  const sqlFile = (name: string) => readFile(new URL(`../../../../deploy/sql/${name}`, import.meta.url), 'utf8')
  await sql.query(await sqlFile('metrics-role.sql'))
  onTestFinished(async () => {
    await sql.query('drop owned by airlock_metrics; drop role airlock_metrics')
  })
  await sql.query(await sqlFile('metrics-role.sql')) // again
  const password = crypto.randomUUID()
  await sql.query(`alter role airlock_metrics password '${password}'`)
  const role = new Client(Object.assign(new URL(databaseUrl), { username: 'airlock_metrics', password }).href)
  await role.connect()
  onTestFinished(() => role.end())

  const query = await sqlFile('lane-query.sql')
  for (const [lane, atLeast] of [
    ['images', 100],
    ['videos', 1],
    ['training', 0],
  ] as const) {
    const [{ scale_by: scaleBy }] = (await role.query(query.replaceAll(`'images'`, `'${lane}'`))).rows
    const gauge = (await seriesOf(one)).get(`airlock_lane_oldest_seconds{lane="${lane}"}`) ?? Number.NaN
    expect(scaleBy, lane).toBeGreaterThanOrEqual(atLeast)
    expect(Math.abs(scaleBy - Math.max(gauge, atLeast === 0 ? 0 : 1)), lane).toBeLessThan(30)
  }
  const tables = `select relname from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')`
  for (const { relname } of (await sql.query(tables)).rows)
    await expect(role.query(`select from ${relname}`), relname).rejects.toThrow('permission denied')
  await expect(role.query('create table mine (id integer)')).rejects.toThrow(/permission denied|read-only/)
})

test('many scrapes cost one query in five seconds', async ({ airlock }) => {
  const { database } = airlock.servers
  let asked = 0
  const load = () => {
    asked += 1
    return database.load()
  }
  const worker = airlock.buildsWorker({ database: { ...database, load } })
  const until = performance.now() + 2500
  while (performance.now() < until) {
    await Promise.all(Array.from({ length: 5 }, () => worker.health.inject('/metrics')))
    await setTimeout(50)
  }
  expect(asked).toBe(1)
})

test('a scrape does not hang while Postgres does not respond, and shows NaN', async ({ airlock, onTestFinished }) => {
  const link = new FaultyLink(airlock.servers.databaseUrl)
  const database = await openAt(await link.open())
  onTestFinished(async () => {
    link.become({ kind: 'open' })
    await database.close()
    await link.close()
  })
  const worker = airlock.buildsWorker({ database })
  expect((await seriesOf(worker)).get('airlock_lane_waiting{lane="images"}')).toBe(0)
  link.become({ kind: 'hole' })
  await waitFor(async () => Number.isNaN((await seriesOf(worker)).get('airlock_lane_waiting{lane="images"}')), { what: 'NaN' })

  await setTimeout(1100) // until the text is rendered again
  const asked = performance.now()
  const series = await seriesOf(worker)
  expect(performance.now() - asked).toBeLessThan(4000)
  for (const name of [
    'airlock_lane_oldest_seconds{lane="videos"}',
    'airlock_uploads_parked',
    'airlock_event_relay_lag_seconds',
    'airlock_last_sweep_timestamp_seconds',
  ])
    expect(series.get(name), name).toBeNaN()
  expect(series.get('airlock_dependency_up{dependency="postgres"}')).toBe(0)
  expect(series.get('airlock_dependency_up{dependency="redis"}')).toBe(1)
})

test('with a separate port for metrics the port for health does not serve them', async ({ airlock }) => {
  const worker = airlock.buildsWorker({ metricsPort: 0 })
  expect((await worker.health.inject('/metrics')).statusCode).toBe(404)
  expect((await worker.health.inject('/health/live')).statusCode).toBe(200)
  expect(await worker.metrics.text()).toContain('airlock_jobs_total')
})
