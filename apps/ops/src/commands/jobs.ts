import { parseArgs } from 'node:util'
import { readConfig } from '@airlock/config'
import { type FailedJob, JobBoard, type JobCounts, type QueueLane, queueLanes, queueNames } from '@airlock/queue'
import { type Command, UsageError } from '../command.ts'

/** The contents of one queue. */
interface QueueReport extends JobCounts {
  queue: string
  failed_jobs: FailedJob[]
}

const defaultLimit = 20
const maxLimit = 1000

export const jobsCommand: Command = {
  name: 'jobs',
  summary: 'count the jobs of each queue, and list failed jobs with the reason',
  usage: `[--queue ${queueLanes.join('|')}] [--limit n] [--json]

  --queue  one queue; default: all
  --limit  failed jobs per queue, newest first; default ${defaultLimit}, at most ${maxLimit}
  --json   prints one JSON object

Queues only wake workers; GET /api/jobs/:id reports the state of an upload. A job fails, and is not retried, if its payload violates the
contract, if it announces a video that is missing or has another owner, or if its upload was parked. A refused announcement does not end the
video: the sweeper registers a video in the inbox that has the required x-amz-meta headers, as if there had been no job.`,
  async run(args, { env, out, err }) {
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
  },
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
  const [counts, failed] = await Promise.all([board.counts(lane), board.failed(lane, limit)])
  return { queue: queueNames[lane], ...counts, failed_jobs: failed }
}

const forPrograms = ({ failed_jobs, ...counts }: QueueReport) => ({
  ...counts,
  failed_jobs: failed_jobs.map(({ failedAt, ...job }) => ({ ...job, failed_at: failedAt })),
})

function* tableOf(reports: readonly QueueReport[]): Generator<string> {
  for (const { queue, waiting, active, delayed, failed, completed } of reports) {
    yield `${queue.padEnd(16)} ${waiting} waiting, ${active} active, ${delayed} delayed, ${failed} failed, ${completed} results kept`
  }
  for (const { queue, failed, failed_jobs } of reports) {
    if (failed_jobs.length === 0) continue
    yield ''
    yield `Failed in ${queue}${failed > failed_jobs.length ? `, the newest ${failed_jobs.length} of ${failed}` : ''}:`
    for (const job of failed_jobs) yield `  ${lineOf(job)}`
  }
}

const lineOf = ({ id, name, attempts, failedAt, reason }: FailedJob): string =>
  `${failedAt?.toISOString() ?? '-'} ${printable(id, 60)} ${printable(name, 40)} at attempt ${attempts}: ${printable(reason, 500)}`

/** Job names come from anyone with access to Redis, so control characters are removed. */
const printable = (text: string, maxLength: number): string => text.slice(0, maxLength).replace(/\p{C}/gu, '\ufffd')
