import { parseArgs } from 'node:util'
import { readConfig } from '@airlock/config'
import { type FailedJob, JobBoard, type JobCounts, type QueueLane, queueLanes, queueNames } from '@airlock/queue'
import { type CommandIo, UsageError } from '../../command.ts'
import { printable } from '../../table.ts'

/** The contents of one queue. */
interface QueueReport extends JobCounts {
  queue: string
  paused: boolean
  failed_jobs: FailedJob[]
}

export const defaultLimit = 20
export const maxLimit = 1000

/** Prints the number of jobs in each queue, and its failed jobs. */
export async function queues(args: string[], { env, out, err }: CommandIo): Promise<number> {
  const { lanes, limit, json } = optionsOf(args)
  const { REDIS_URL: redisUrl } = readConfig(env, ['REDIS_URL'])
  const board = new JobBoard({ redisUrl, onError: ({ message }) => err(`redis: ${message}`) })
  try {
    const reports: QueueReport[] = []
    for (const lane of lanes) reports.push(await report(board, lane, limit))
    for (const line of json ? [JSON.stringify({ queues: reports.map(forPrograms) }, null, 2)] : tableOf(reports)) out(line)
  } finally {
    await board.close()
  }
  return 0
}

function optionsOf(args: string[]): { lanes: readonly QueueLane[]; limit: number; json: boolean } {
  const { values } = parseArgs({ args, options: { queue: { type: 'string' }, limit: { type: 'string' }, json: { type: 'boolean' } } })
  const { queue, limit = String(defaultLimit), json = false } = values
  const lane = queueLanes.find((name) => name === queue || queueNames[name] === queue)
  if (queue !== undefined && lane === undefined) throw new UsageError(`Queue '${queue}' does not exist: one of ${queueLanes.join(', ')}.`)
  if (!/^\d+$/.test(limit) || Number(limit) > maxLimit) throw new UsageError(`--limit is '${limit}': a whole number from 0 to ${maxLimit}.`)
  return { lanes: lane === undefined ? queueLanes : [lane], limit: Number(limit), json }
}

async function report(board: JobBoard, lane: QueueLane, limit: number): Promise<QueueReport> {
  const [counts, paused, failed] = await Promise.all([board.counts(lane), board.isPaused(lane), board.failed(lane, limit)])
  return { queue: queueNames[lane], paused, ...counts, failed_jobs: failed }
}

const forPrograms = ({ failed_jobs, ...counts }: QueueReport) => ({
  ...counts,
  failed_jobs: failed_jobs.map(({ failedAt, ...job }) => ({ ...job, failed_at: failedAt })),
})

function* tableOf(reports: readonly QueueReport[]): Generator<string> {
  for (const { queue, paused, waiting, active, delayed, failed, completed } of reports) {
    const counts = `${waiting} waiting, ${active} active, ${delayed} delayed, ${failed} failed, ${completed} results kept`
    yield `${queue.padEnd(16)} ${counts}${paused ? ', paused' : ''}`
  }
  for (const { queue, failed, failed_jobs } of reports) {
    if (failed_jobs.length === 0) continue
    yield ''
    yield `Failed in ${queue}${failed > failed_jobs.length ? `, the newest ${failed_jobs.length} of ${failed}` : ''}:`
    for (const job of failed_jobs) yield `  ${lineOf(job)}`
  }
}

const lineOf = ({ id, name, attempts, failedAt, reason }: FailedJob): string =>
  `${failedAt?.toISOString() ?? '-'} ${short(id, 60)} ${short(name, 40)} at attempt ${attempts}: ${short(reason, 500)}`

/** Job names come from anyone with access to Redis. */
const short = (text: string, maxLength: number): string => printable(text.slice(0, maxLength))
