import { assetTypes, errorCodes } from '@airlock/domain'
import { StoreUnavailable } from '@airlock/storage'
import { expect } from 'vitest'
import { Client, logo, photo, type RunningGateway, startGateway, test } from '../gateway.ts'

/** All series with their values. They are read from the process, because a response is reused for a second. */
async function seriesOf({ gateway }: RunningGateway): Promise<Map<string, number>> {
  let text = ''
  // the text of an earlier call may still be reused
  await expect
    .poll(
      async () => {
        const next = await gateway.metrics.text()
        const isNew = text !== '' && next !== text
        text = next
        return isNew
      },
      { timeout: 10_000, interval: 300 },
    )
    .toBe(true)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

test('every series exists from the start, so that the first event counts', async ({ onTestFinished }) => {
  const gateway = await startGateway()
  onTestFinished(() => gateway.close())
  const series = await seriesOf(gateway)
  const expected = [
    ...['accepted', ...errorCodes].map((result) => `airlock_files_total{result="${result}"}`),
    ...assetTypes.map((kind) => `airlock_received_bytes_total{door="form",kind="${kind}"}`),
    'airlock_received_bytes_total{door="pipeline",kind="generated_video"}',
    ...['200', '202', '500', '503'].map(
      (status) => `airlock_http_request_seconds_count{method="POST",route="/api/upload",status="${status}"}`,
    ),
    ...['200', '500', '503'].map((status) => `airlock_http_request_seconds_count{method="GET",route="/api/jobs/:id",status="${status}"}`),
    'airlock_http_request_seconds_count{method="any",route="unknown",status="404"}',
    'airlock_permits_in_use',
  ]
  expect(Object.fromEntries(expected.map((name) => [name, series.get(name)]))).toEqual(
    Object.fromEntries(expected.map((name) => [name, 0])),
  )
  expect(series.get('airlock_permits_limit')).toBe(64)
  expect(series.get('airlock_dependency_up{dependency="s3"}')).toBe(1)
})

test('files are counted by result, and the bytes of accepted ones by kind', async ({ gateway, client }) => {
  const before = await seriesOf(gateway)
  const [picture, other] = [await photo(), await logo()]
  await client.pictures(picture, other, { name: 'empty.png', type: 'image/png', bytes: new Uint8Array() })

  const after = await seriesOf(gateway)
  const added = (name: string) => (after.get(name) ?? Number.NaN) - (before.get(name) ?? Number.NaN)
  expect(added('airlock_files_total{result="accepted"}')).toBe(2)
  expect(added('airlock_files_total{result="empty_file"}')).toBe(1)
  expect(added('airlock_received_bytes_total{door="form",kind="brand_image"}')).toBe(picture.bytes.length + other.bytes.length)
  expect(added('airlock_http_request_seconds_count{method="POST",route="/api/upload",status="202"}')).toBe(1)
})

test('a form that fails counts each of its files once, by the code of the failure', async ({ gateway, onTestFinished }) => {
  let received = 0
  const { store } = gateway
  const receive: typeof store.receive = async (key, bytes, options) => {
    received += 1
    if (received === 2) throw new StoreUnavailable('no reply', key)
    return store.receive(key, bytes, options)
  }
  const failing = await startGateway({ store: { ...store, receive, close: () => {} } }, gateway)
  onTestFinished(() => failing.close())
  expect((await new Client(failing.url).pictures(await photo(), await logo())).status).toBe(503)

  const series = await seriesOf(failing)
  expect(series.get('airlock_files_total{result="storage_unavailable"}')).toBe(2)
  expect(series.get('airlock_files_total{result="accepted"}')).toBe(0)
  await failing.leavesNothing()
})

test('paths that do not exist have one series', async ({ gateway }) => {
  for (const path of ['/wp-login.php', '/.env']) await fetch(`${gateway.url}${path}`)
  const series = await seriesOf(gateway)
  expect(series.get('airlock_http_request_seconds_count{method="any",route="unknown",status="404"}')).toBe(2)
  expect([...series.keys()].filter((name) => name.includes('wp-login'))).toEqual([])
})

test('with a separate port for metrics the port for clients does not serve them', async ({ onTestFinished }) => {
  const gateway = await startGateway({ metricsPort: 0 })
  onTestFinished(() => gateway.close())
  const answer = await fetch(`${gateway.url}/metrics`)
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([404, 'route_not_found'])
  expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200)
  expect(await gateway.gateway.metrics.text()).toContain('airlock_files_total')
})
