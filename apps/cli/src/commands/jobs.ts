import type { Airlock, Job, JobStatus } from '@airlock/client'
import type { Context } from '../context.ts'
import { connect, type ServerOptions } from '../server.ts'
import type { Terminal } from '../terminal.ts'
import { bytesText, count, cut, fit, printable, timeText } from '../text.ts'
import { verdictLines } from '../verdict.ts'

interface JobsOptions extends ServerOptions {
  readonly watch?: boolean
  readonly status?: JobStatus
  readonly limit: number
  readonly json?: boolean
}

/** Jobs per request. */
const pageSize = 100

const isOpen = ({ status }: Job): boolean => status === 'queued' || status === 'processing'

const colours = { completed: 'green', rejected: 'red', failed: 'red', processing: 'cyan', queued: 'dim' } as const

/** Lists jobs, or follows them to their end. @returns 1 if a job that was followed is not completed */
export async function jobs(ids: readonly string[], options: JobsOptions, { terminal, stop }: Context): Promise<number> {
  const airlock = connect(options, terminal).client(options.watch ? {} : { retry: { forMs: 5000 } })
  if (options.watch) {
    const stopped = new AbortController()
    const watching = watch(ids, options, airlock, { terminal, signal: stopped.signal })
    void stop.then(() => stopped.abort())
    return Promise.race([watching, stop.then(() => 1)]).finally(() => terminal.endDrawing())
  }
  const list = await listOf(ids, options, airlock)
  if (options.json) for (const job of list) terminal.out(JSON.stringify(job))
  else printTable(list, terminal)
  return 0
}

async function listOf(ids: readonly string[], { status, limit }: JobsOptions, airlock: Airlock): Promise<Job[]> {
  if (ids.length > 0) return Promise.all(ids.map((id) => airlock.jobs.get(id)))
  const list: Job[] = []
  for (let cursor: string | undefined; list.length < limit; ) {
    const page = await airlock.jobs.list({ status, cursor, limit: Math.min(pageSize, limit - list.length) })
    list.push(...page.jobs)
    if (page.next_cursor == null) break
    cursor = page.next_cursor
  }
  return list
}

function printTable(list: readonly Job[], terminal: Terminal): void {
  if (list.length === 0) terminal.err('There are no jobs.')
  for (const job of list) terminal.out(rowOf(job, terminal))
}

/** The id first, because it is what other commands take, and the name last, because it may be long. */
function rowOf(job: Job, terminal: Terminal): string {
  const { job_id, status, size_bytes, created_at, filename, error } = job
  const name = printable(filename)
  const row = `${job_id}  ${terminal.paint(colours[status], fit(status, 10), 'stdout')}  ${bytesText(size_bytes).padStart(8)}  `
  const room = terminal.hasReader ? Math.max(8, terminal.columns - 60) : Number.POSITIVE_INFINITY
  const rest = terminal.hasReader ? cut(name, room) : `${timeText(created_at)}  ${name}${error === null ? '' : `  ${error.code}`}`
  return row + rest
}

/** Prints each job when it changes, until all have ended. Without ids: those that have not ended yet. */
async function watch(
  ids: readonly string[],
  options: JobsOptions,
  airlock: Airlock,
  { terminal, signal }: { terminal: Terminal; signal: AbortSignal },
): Promise<number> {
  const followed = ids.length > 0 ? ids : (await openJobs(airlock)).map(({ job_id }) => job_id)
  if (followed.length === 0) {
    terminal.err('No job is queued or processing.')
    return 0
  }
  const open = new Map<string, Job>()
  let failed = 0
  for await (const job of airlock.jobs.follow(followed, { signal })) {
    if (isOpen(job)) open.set(job.job_id, job)
    else open.delete(job.job_id)
    if (options.json) terminal.out(JSON.stringify(job))
    else if (!isOpen(job)) for (const line of endOf(job, terminal)) terminal.out(line)
    else if (!terminal.isLive) terminal.err(`${job.job_id}  ${job.status}  ${printable(job.filename)}`)
    if (!isOpen(job) && job.status !== 'completed') failed++
    if (!options.json) draw([...open.values()], terminal)
  }
  terminal.endDrawing()
  if (followed.length > 1) terminal.err(`${followed.length - failed} of ${count(followed.length, 'job')} are completed.`)
  return failed > 0 ? 1 : 0
}

async function openJobs(airlock: Airlock): Promise<Job[]> {
  const pages = await Promise.all((['queued', 'processing'] as const).map((status) => airlock.jobs.list({ status, limit: pageSize })))
  return pages.flatMap((page) => page.jobs)
}

function endOf({ job_id, status, filename, asset_id, error, provenance }: Job, terminal: Terminal): string[] {
  const name = terminal.hasReader ? filename : `${job_id}  ${filename}`
  if (status === 'completed') return verdictLines(terminal, name, { result: `asset ${asset_id}`, provenance })
  return verdictLines(terminal, name, error ?? { code: status, detail: `The job is ${status}.` })
}

function draw(open: readonly Job[], terminal: Terminal): void {
  const room = Math.max(1, Math.min(16, terminal.rows - 3))
  const width = terminal.columns - 1
  const lines = open.slice(0, room).map(({ status, progress, filename }) => {
    const state = status === 'processing' ? `processing ${Math.round(progress * 100)}%` : status
    return `  ${terminal.paint(colours[status], fit(state, 15))}  ${fit(filename, width - 19).trimEnd()}`
  })
  if (open.length > room) lines.push(terminal.paint('dim', `  and ${open.length - room} more`))
  terminal.draw(lines)
}
