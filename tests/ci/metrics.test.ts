import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts, programInPath } from '@airlock/dev-servers'
import { compileCache, givenStack, isolatedBucket, isolatedDatabase, privateServer, waitFor } from '@airlock/testkit'
import { test as base, expect } from 'vitest'

/** The metrics of both services as processes, each on a separate port. */

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Service {
  readonly name: 'gateway' | 'worker'
  /** The URL of the port for requests or health. */
  readonly url: string
  readonly metricsUrl: string
  /** The text of its metrics. */
  readonly text: string
  stop(): Promise<void>
}

const test = base.extend('services', { scope: 'file' }, async ({ task: _ }: { task?: unknown }, { onCleanup }) => {
  const [database, bucket, redis] = await Promise.all([isolatedDatabase(), isolatedBucket(), privateServer('redis')])
  const stops: (() => Promise<void>)[] = []
  onCleanup(async () => {
    await Promise.all(stops.map((stop) => stop()))
    await Promise.all([database.drop(), bucket.drop(), redis.drop()])
  })
  const { s3 } = givenStack()
  const [gatewayPort, gatewayMetrics, workerPort, workerMetrics] = await freePorts(4)
  const settings = {
    ...compileCache(),
    PATH: process.env.PATH ?? '',
    DATABASE_URL: database.url,
    REDIS_URL: redis.address.url,
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    S3_BUCKET_NAME: bucket.bucket,
    S3_FORCE_PATH_STYLE: 'true',
    S3_SSE: 'none',
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    JWT_SECRET: 'a-secret-for-tokens-of-this-test-alone',
    WEBHOOK_URLS: 'https://hooks.example/airlock',
    WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    AIRLOCK_ENV_FILE: '',
    AIRLOCK_REVISION: '0123abc',
    HOST: '127.0.0.1',
    PORT: String(gatewayPort),
    WORKER_PORT: String(workerPort),
    SHUTDOWN_NOT_READY_SECONDS: '0',
  }
  const start = async (name: Service['name'], port: number | undefined, metricsPort: number | undefined): Promise<Service> => {
    const env = { ...settings, METRICS_PORT: String(metricsPort) }
    const child = spawn(process.execPath, [join(root, 'apps', name, 'src/main.ts')], {
      cwd: root,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
    const stop = async () => {
      child.kill('SIGTERM')
      await ended
    }
    stops.push(stop)
    const metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`
    const responds = () =>
      fetch(metricsUrl).then(
        ({ ok }) => ok,
        () => false,
      )
    await waitFor(responds, { what: `metrics of the ${name}`, timeoutMs: 40_000 })
    return { name, url: `http://127.0.0.1:${port}`, metricsUrl, text: await (await fetch(metricsUrl)).text(), stop }
  }
  return Promise.all([start('gateway', gatewayPort, gatewayMetrics), start('worker', workerPort, workerMetrics)])
})

const namesIn = (text: string): string[] => [...text.matchAll(/^# HELP (airlock_\w+) /gm)].map(([, name = '']) => name).toSorted()

/** The names in the tables of a section of docs/metrics.md, with their types and the names of their labels. */
function documented(heading: string): { name: string; type: string; labels: string[] }[] {
  const page = readFileSync(join(root, 'docs/metrics.md'), 'utf8')
  const section = page.split(/^## /m).find((part) => part.startsWith(heading)) ?? ''
  return [...section.matchAll(/^\| (`airlock_[^|]*) \| (\w+) \| ([^|]*)\|/gm)].flatMap(([, names = '', type = '', labels = '']) =>
    (names.match(/airlock_\w+/g) ?? []).map((name) => ({
      name,
      type,
      labels: labels.split(';').flatMap((part) => part.split(':')[0]?.match(/\w+/g) ?? []),
    })),
  )
}

test('docs/metrics.md lists the metrics of each service with their types and labels, and no others', async ({ services }) => {
  for (const { name, text } of services) {
    const listed = [...documented('Both services'), ...documented(name === 'gateway' ? 'Gateway' : 'Worker')]
    expect(listed.map((metric) => metric.name).toSorted(), name).toEqual(namesIn(text))
    for (const { name: metric, type, labels } of listed) {
      expect(text).toContain(`# TYPE ${metric} ${type}\n`)
      const [, shown = ''] = new RegExp(`^${metric}(?:_count)?(?:\\{(.*)\\})? `, 'm').exec(text) ?? []
      const given = [...shown.matchAll(/(\w+)="/g)].map(([, label = '']) => label)
      expect(given.toSorted(), metric).toEqual(labels.toSorted())
    }
  }
})

test('the build is named with its commit', async ({ services }) => {
  for (const { name, text } of services)
    expect(text).toContain(`airlock_build_info{service="${name}",version="0.1.0",revision="0123abc",node="${process.versions.node}"} 1`)
})

test('with METRICS_PORT the other port answers /metrics with 404', async ({ services }) => {
  for (const { name, url } of services) {
    expect((await fetch(`${url}/metrics`)).status, name).toBe(404)
    expect((await fetch(`${url}/health/live`)).status, name).toBe(200)
  }
})

const promtool = programInPath('promtool')

test('promtool finds nothing to complain about in our metrics', async ({ services, skip }) => {
  if (promtool === null) return skip('promtool is not installed: it is part of Prometheus (Debian: prometheus)')
  for (const { text } of services) {
    const ours = text.split('\n').filter((line) => /^(# (HELP|TYPE) )?airlock_/.test(line))
    const { stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input: `${ours.join('\n')}\n`, encoding: 'utf8' })
    expect(stdout + stderr).toBe('')
  }
})

test('the port for metrics is closed when the service stops', async ({ services }) => {
  for (const { stop, metricsUrl } of services) {
    await stop()
    await expect(fetch(metricsUrl)).rejects.toThrow('fetch failed')
  }
})
