import { parseArgs } from 'node:util'
import { readConfig } from '@airlock/config'
import { type FailedJob, JobBoard, type JobCounts, type QueueLane, queueLanes, queueNames } from '@airlock/queue'
import { type Command, UsageError } from '../command.ts'

/** What one queue holds. */
interface QueueReport extends JobCounts {
  queue: string
  failed_jobs: FailedJob[]
}

const defaultLimit = 20
const maxLimit = 1000

export const jobsCommand: Command = {
  name: 'jobs',
  summary: 'count the jobs of each queue, and list those that failed and are not tried again, with the reason',
  usage: `[--queue ${queueLanes.join('|')}] [--limit n] [--json]

  --queue  one queue; without it, all
  --limit  of failed jobs for each queue, the newest first; ${defaultLimit} when left out, at most ${maxLimit}
  --json   one object, for programs

Queues are the jobQueue, not the record: what became of an upload, GET /api/jobs/:id tells. A job fails when its payload breaks the
contract, when it announces what is not there, or when its upload was parked, and is not tried again. That says nothing of the video: one that is
in the inbox with the right x-amz-meta headers is announced by the sweeper, and becomes an upload without the job.`,
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
  if (queue !== undefined && lane === undefined) throw new UsageError(`There is no queue '${queue}', only ${queueLanes.join(', ')}.`)
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
  `${failedAt?.toISOString() ?? '-'} ${printable(id, 60)} ${printable(name, 40)} at try ${attempts}: ${printable(reason, 500)}`

/** Anybody who reaches Redis names jobs: nothing of theirs may steer a terminal. */
const printable = (text: string, maxLength: number): string => text.slice(0, maxLength).replace(/\p{C}/gu, '\ufffd')
