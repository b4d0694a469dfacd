import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { programInPath } from '@airlock/dev-servers'
import { test as base, expect } from 'vitest'
import { type Service, startServices } from '../services.ts'

/** The metrics of both services as processes, each on a separate port. */

const root = fileURLToPath(new URL('../../', import.meta.url))

/** A service and the text of its metrics. */
type Measured = Service & { readonly text: string }

const test = base.extend('services', { scope: 'file' }, async ({ task: _ }: { task?: unknown }, { onCleanup }) => {
  const { gateway, worker, close } = await startServices({
    WEBHOOK_URLS: 'https://hooks.example/airlock',
    WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  })
  onCleanup(close)
  const measured = async (service: Service): Promise<Measured> => ({ ...service, text: await (await fetch(service.metricsUrl)).text() })
  return Promise.all([measured(gateway), measured(worker)])
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
