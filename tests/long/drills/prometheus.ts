import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts, waitFor } from '@airlock/dev-servers'
import { parse, stringify } from 'yaml'
import { root } from '../../npm-start.ts'

export interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
}

const { groups } = parse(readFileSync(join(root, 'deploy/prometheus/alerts.yaml'), 'utf8')) as { groups: { name: string; rules: Rule[] }[] }

/** The deployed alerts. */
export const rules: readonly Rule[] = groups.flatMap((group) => group.rules)

/** A scrape waits up to 2 s for a server. */
export const scrapeMs = 2500
/** The shortest window that has enough samples for a rate. */
const shortestWindowS = 10
const unitS = { s: 1, m: 60, h: 3600 } as const

const seconds = (duration: string): number => Number.parseInt(duration, 10) * unitS[duration.at(-1) as keyof typeof unitS]

/** Values that grow by a second per second. */
const ages = /airlock_(?:lane_oldest|event_relay_lag|webhook_lag)_seconds|time\(\) -/

/** The same alert, `speed` times as fast: its windows, its `for`, and limits of ages are divided by it. All other limits stay as they are. */
export function accelerated(rule: Rule, speed: number): Rule {
  const window = (_: string, duration: string) => `[${Math.max(shortestWindowS, Math.round(seconds(duration) / speed))}s]`
  const limit = (_: string, value: string) => `> ${Number(value) / speed}`
  const expr = rule.expr.replaceAll(/\[(\w+)\]/g, window)
  return {
    ...rule,
    expr: ages.test(expr) ? expr.replaceAll(/> (\d+)/g, limit) : expr,
    ...(rule.for && { for: `${Math.ceil(seconds(rule.for) / speed)}s` }),
  }
}

interface Alert {
  readonly labels: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing'
}

export interface Prometheus {
  /** The alerts that fire now. */
  firing(): Promise<Alert[]>
  /** The number of series that a query returns. @throws Error for an invalid one */
  query(promql: string): Promise<number>
  stop(): Promise<void>
}

export interface PrometheusOptions {
  readonly program: string
  readonly folder: string
  /** Addresses by job. */
  readonly targets: Readonly<Record<string, readonly string[]>>
  readonly rules: readonly Rule[]
}

export async function startPrometheus({ program, folder, targets, rules: given }: PrometheusOptions): Promise<Prometheus> {
  mkdirSync(folder, { recursive: true })
  const jobs = Object.entries(targets).map(([job_name, urls]) => ({
    job_name,
    static_configs: [{ targets: urls.map((url) => new URL(url).host) }],
  }))
  const interval = `${scrapeMs}ms`
  const configuration = {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: '1s' },
    rule_files: ['rules.yaml'],
    scrape_configs: jobs,
  }
  writeFileSync(join(folder, 'prometheus.yaml'), stringify(configuration))
  writeFileSync(join(folder, 'rules.yaml'), stringify({ groups: [{ name: 'airlock', rules: given }] }))
  const [port] = await freePorts(1)
  const options = { 'config.file': 'prometheus.yaml', 'storage.tsdb.path': 'data', 'web.listen-address': `127.0.0.1:${port}` }
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
  const child = spawn(program, args, { cwd: folder, stdio: 'ignore' })
  const ask = async <T>(path: string): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)
    if (!response.ok) throw new Error(await response.text())
    return ((await response.json()) as { data: T }).data
  }
  await waitFor(() => ask('alerts'), { what: 'Prometheus', timeoutMs: 60_000 })
  return {
    firing: async () => (await ask<{ alerts: Alert[] }>('alerts')).alerts.filter(({ state }) => state === 'firing'),
    query: async (promql) => (await ask<{ result: unknown[] }>(`query?query=${encodeURIComponent(promql)}`)).result.length,
    async stop() {
      child.kill()
      await once(child, 'exit')
    },
  }
}
