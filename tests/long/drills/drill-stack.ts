import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { waitFor } from '@airlock/dev-servers'
import { call, formOf, tokenFor } from '@airlock/testkit/http'
import { type Sample, samples } from '@airlock/testkit/samples'
import { answering, type WebhookReceiver, webhookReceiver } from '@airlock/testkit/webhook-receiver'
import { Client } from 'pg'
import { type Cluster, startCluster } from '../../chaos/cluster.ts'
import { expensivePicture } from '../../chaos/files.ts'
import { type ProcessName, processNames, serverNames } from '../../chaos/schedule.ts'
import { root } from '../../npm-start.ts'
import { scrapeMs } from './prometheus.ts'

/** What differs from chaos: faults last longer, and must not be hidden by limits. */
const settings = {
  RATE_LIMIT_FILES_PER_HOUR: '100000',
  REQUESTS_PER_MINUTE: '1000000',
  UPLOAD_MAX_SECONDS: '600',
  UPLOAD_IDLE_SECONDS: '60',
  UPLOAD_MIN_BYTES_PER_SECOND: '1',
}

const fileOf = ({ filename, declaredType, bytes }: Sample) => ({ name: filename, mediaType: declaredType, bytes: Buffer.from(bytes) })

const kinds = {
  picture: () => ({ file: fileOf(samples.logo), fields: { asset_type: 'brand_image' } }),
  /** Inspectors need more memory for it than they may have. */
  expensive: () => ({ file: expensivePicture(randomUUID()), fields: { asset_type: 'brand_image' } }),
  video: () => ({ file: fileOf(samples.scene), fields: { asset_type: 'generated_video', project_id: randomUUID() } }),
} as const

export type Kind = keyof typeof kinds

/** The commands of one chapter of the runbook. */
export interface Chapter {
  readonly text: string
  /** The shell commands by which an alert is confirmed. */
  readonly confirm: readonly string[]
  readonly promql: readonly string[]
}

const runbook = readFileSync(join(root, 'docs/runbook.md'), 'utf8')

export function chapterOf(alert: string): Chapter {
  const text = runbook.split(/^## /m).find((chapter) => chapter.startsWith(`${alert}\n`)) ?? ''
  const [confirm = ''] = text.split('**Do.**')
  const blocks = (language: string, part: string) => [...part.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))]
  return {
    text,
    confirm: blocks('sh', confirm).flatMap(([, block = '']) => block.trim().replaceAll('\\\n', ' ').split('\n')),
    promql: blocks('promql', text).map(([, block = '']) => block.trim()),
  }
}

/** Two gateways, three workers, a webhook endpoint, and what a drill does with them. */
export class DrillStack {
  readonly cluster: Cluster
  readonly sql: Client
  readonly endpoint: WebhookReceiver
  #chapter: Chapter = chapterOf('')
  #fault = new AbortController()
  #running: Promise<void>[] = []

  private constructor(cluster: Cluster, sql: Client, endpoint: WebhookReceiver) {
    this.cluster = cluster
    this.sql = sql
    this.endpoint = endpoint
  }

  static async open(): Promise<DrillStack> {
    const endpoint = await webhookReceiver()
    const secret = `whsec_${Buffer.alloc(32, 'drills').toString('base64')}`
    const webhooks = { WEBHOOK_URLS: endpoint.url, WEBHOOK_SECRETS: secret, WEBHOOK_ALLOW_PRIVATE: 'true' }
    const cluster = await startCluster({ settings: { ...settings, ...webhooks } })
    const sql = new Client({ connectionString: cluster.stack.postgres.url })
    await sql.connect()
    // the names of hosts in the runbook
    const hosts = { 'gateway-1:3000': cluster.url('gateway-1'), 'worker-1:3001': cluster.url('images-1') }
    const rows = Object.entries(hosts).map(([name, url]) => `connect-to = "${name}:${new URL(url).host}"`)
    writeFileSync(join(cluster.stack.file.folder, '.curlrc'), ['silent', ...rows].join('\n'))
    return new DrillStack(cluster, sql, endpoint)
  }

  async close(): Promise<void> {
    await this.over()
    await this.sql.end()
    await this.cluster.stop()
    await this.endpoint.close()
  }

  begin(alert: string): Chapter {
    this.#chapter = chapterOf(alert)
    return this.#chapter
  }

  /** Runs a command as the chapter has it; further arguments, such as ids, may follow. @returns its exit code and output */
  run(command: string, ...args: readonly string[]): Promise<{ code: number; output: string }> {
    if (!this.#chapter.text.includes(command)) throw new Error(`the chapter of the runbook has no '${command}'`)
    const { cluster } = this
    const env = { ...cluster.env, AIRLOCK: cluster.gateways[0], CURL_HOME: cluster.stack.file.folder }
    return new Promise((resolve) => {
      execFile('bash', ['-c', [command, ...args].join(' ')], { cwd: root, env, timeout: 120_000 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr })
      })
    })
  }

  /** The same, for a command that must succeed. */
  async runs(command: string, ...args: readonly string[]): Promise<void> {
    const { code, output } = await this.run(command, ...args)
    if (code !== 0) throw new Error(`'${command}' ended with exit code ${code}:\n${output}`)
  }

  /** Repeats this until the fault is over. Failures are expected. */
  meanwhile(work: (signal: AbortSignal) => unknown, pauseMs = 0): void {
    const { signal } = this.#fault
    const repeat = async () => {
      while (!signal.aborted) {
        await Promise.try(work, signal).catch(() => {})
        await wait(pauseMs, undefined, { signal }).catch(() => {})
      }
    }
    this.#running.push(repeat())
  }

  /** Ends what runs meanwhile. */
  async over(): Promise<void> {
    this.#fault.abort()
    await Promise.all(this.#running)
    this.#running = []
    this.#fault = new AbortController()
  }

  /** Waits until a process runs, and Prometheus has seen it. */
  async scraped(name: ProcessName): Promise<void> {
    const url = `${this.cluster.url(name)}/health/live`
    await waitFor(async () => (await fetch(url)).ok, { what: `${name} to run`, timeoutMs: 60_000 })
    await wait(2 * scrapeMs)
  }

  /** Repairs what a failed drill has left, so that the next one can begin. */
  async restore(): Promise<void> {
    await this.over()
    for (const name of processNames) {
      for (const server of serverNames) this.cluster.link(name, server).become({ kind: 'open' })
      await this.cluster.process(name).start()
    }
    this.endpoint.answers(answering.status(204))
  }

  /** Sends a file. @returns its id, or null if it was not accepted */
  async upload(kind: Kind = 'picture', gateway = 0): Promise<string | null> {
    const { file, fields } = kinds[kind]()
    const token = tokenFor(randomUUID(), this.cluster.jwtSecret)
    const url = `${this.cluster.gateways[gateway]}/api/upload`
    const answer = await call(url, { method: 'POST', token, form: formOf(fields, [file]) })
    if ('lost' in answer || answer.status !== 202) return null
    return (answer.body as { uploads: { upload_id: string }[] }).uploads[0]?.upload_id ?? null
  }

  /** Sends files to both gateways, each until it is accepted. @returns their ids */
  async uploads(count: number, kind: Kind = 'picture'): Promise<string[]> {
    const ids: string[] = []
    const what = 'a file to be accepted'
    while (ids.length < count) ids.push(await waitFor(() => this.upload(kind, ids.length % 2), { what, timeoutMs: 60_000 }))
    return ids
  }

  /** Waits until all accepted uploads have ended. Those that an earlier drill aborted may be `receiving` until the sweeper finds them. */
  async ended(): Promise<void> {
    const left = async () => (await this.sql.query(`select from uploads where state in ('received', 'processing', 'parked')`)).rowCount
    await waitFor(async () => (await left()) === 0, { what: 'all uploads to end', timeoutMs: 300_000, everyMs: 250 })
  }

  /** Ends the session of another program that runs this statement, found as the runbook says. */
  async endSession(statement: string): Promise<void> {
    const find = /`(select pid, [^`]* from pg_stat_activity [^`]*)`/.exec(runbook)?.[1] ?? ''
    const { rows } = await this.sql.query(find)
    const { pid } = rows.find(({ left }) => left.startsWith(statement)) ?? {}
    const [end = ''] = /select pg_terminate_backend\(pid\)/.exec(runbook) ?? []
    await this.sql.query(end.replace('pid', '$1'), [pid])
  }

  /** Opens a session that keeps a transaction open. It ends when `endSession` ends it. */
  async blocks(statement: string): Promise<void> {
    const client = new Client({ connectionString: this.cluster.stack.postgres.url })
    client.on('error', () => {}) // it is terminated
    await client.connect()
    await client.query('begin')
    await client.query(statement)
  }
}
