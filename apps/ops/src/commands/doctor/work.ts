import type { Database, OpsLogEntry } from '@airlock/database'
import { type JobBoard, type QueueLane, queueLanes } from '@airlock/queue'
import { age } from '../../table.ts'
import type { Status } from '../status/read-status.ts'
import { type FindingOf, ok, orOk, problem, unknown } from './finding.ts'

/** From these values on something is wrong: those of the alerts (deploy/prometheus/alerts.yaml). */
const limits = { laneOldestSeconds: 600, laneStalledSeconds: 120, relayLagSeconds: 60, webhookLagSeconds: 900, sweepAgeSeconds: 600 }

const seconds = (value: number): string => age(value * 1000)

/** A part of the status that could not be read; its server is available, or the check would not run. */
const notRead = (status: Status, part: string): FindingOf[] => [
  unknown(status.problems.find((one) => one.startsWith(part)) ?? `${part}: not read`, 'Run the command again.'),
]

export function parked(status: Status): readonly FindingOf[] {
  if (status.load === null) return notRead(status, 'lanes')
  const { parked: count } = status.load
  return orOk(
    count === 0
      ? []
      : [
          problem(
            `${count} ${count === 1 ? 'upload waits' : 'uploads wait'} for a decision`,
            'npm run ops -- jobs list --state parked, then jobs retry or jobs release (docs/runbook.md#airlockuploadsparked)',
          ),
        ],
    'no upload is parked',
  )
}

export function sweeper(status: Status, intervalSeconds: number): readonly FindingOf[] {
  if (status.sweeper === null) return notRead(status, 'sweeper')
  const { now, endedAt } = status.sweeper
  const limit = Math.max(limits.sweepAgeSeconds, 3 * intervalSeconds)
  const remedy = 'Start a worker, or see why those that run log "sweep failed" (docs/runbook.md#airlocksweeperstopped)'
  if (endedAt === null)
    return [problem(`no sweep has ended yet; the first one of a worker begins ${intervalSeconds} s after its start`, remedy)]
  const agoSeconds = (now.getTime() - endedAt.getTime()) / 1000
  if (agoSeconds > limit) return [problem(`the last sweep ended ${seconds(agoSeconds)} ago`, remedy)]
  return [ok(`the last sweep ended ${seconds(agoSeconds)} ago`)]
}

export function events(status: Status): readonly FindingOf[] {
  const { relayLagSeconds: lag } = status
  if (lag === null) return notRead(status, 'event relay')
  if (lag <= limits.relayLagSeconds) return [ok(`the event relay has a lag of ${seconds(lag)}`)]
  return [
    problem(
      `events have been waiting for their position for ${seconds(lag)}`,
      'Start a worker, or see why those that run log "event relay failed" (docs/runbook.md#airlockeventrelaylag)',
    ),
  ]
}

export function webhooks(status: Status): readonly FindingOf[] {
  if (status.endpoints === null) return notRead(status, 'webhooks')
  const found = status.endpoints.flatMap(({ endpoint, lagSeconds, dead, notQueued }) => [
    ...(lagSeconds <= limits.webhookLagSeconds
      ? []
      : [
          problem(
            `${endpoint} is ${seconds(lagSeconds)} late${notQueued > 0 ? `, and ${notQueued} events have no delivery yet` : ''}`,
            notQueued > 0
              ? 'Start a worker with this endpoint in WEBHOOK_URLS (docs/runbook.md#airlockwebhooklag)'
              : 'Its owner must repair it (docs/runbook.md#airlockwebhooklag)',
          ),
        ]),
    ...(dead === 0
      ? []
      : [
          problem(
            `${dead} events for ${endpoint} were given up`,
            'npm run ops -- webhooks shows the reasons; when it is repaired: npm run ops -- webhooks replay --all',
          ),
        ]),
  ])
  return orOk(found, status.endpoints.length === 0 ? 'no endpoint' : `${status.endpoints.length} endpoints get their events`)
}

interface LaneDeps {
  readonly board: Pick<JobBoard, 'workers'>
  readonly opsLog: Pick<Database['opsLog'], 'lastOfLane'>
}

/** Each lane: paused, old, or without workers although something waits. A lane that is scaled to zero is well. */
export async function lanes(status: Status, deps: LaneDeps): Promise<readonly FindingOf[]> {
  const { load, paused } = status
  if (load === null) return notRead(status, 'lanes')
  if (paused === null) return notRead(status, 'paused lanes')
  const workers = new Map(await Promise.all(queueLanes.map(async (lane) => [lane, await deps.board.workers(lane)] as const)))
  const found: FindingOf[] = []
  for (const lane of queueLanes) {
    const { waiting = 0, processing = 0, oldestSeconds = 0 } = load.lanes.find((one) => one.lane === lane) ?? {}
    const work = `${lane}: ${waiting} wait, the first for ${seconds(oldestSeconds)}`
    const isStalled = oldestSeconds > limits.laneStalledSeconds && processing === 0
    if (paused.get(lane)) found.push(pausedLane(lane, waiting, await deps.opsLog.lastOfLane(lane), status.sweeper?.now ?? new Date()))
    else if (waiting > 0 && workers.get(lane) === 0)
      found.push(
        problem(`${work}, no worker takes them`, `Start a worker with ${lane} in WORKER_QUEUES (docs/runbook.md#airlocklanestalled)`),
      )
    else if (isStalled)
      found.push(
        problem(`${work}, none is being processed`, 'See the logs of the workers of this lane (docs/runbook.md#airlocklanestalled)'),
      )
    else if (oldestSeconds > limits.laneOldestSeconds)
      found.push(problem(work, `Add workers for ${lane}, or find what delays them (docs/runbook.md#airlocklaneold)`))
  }
  if ([...workers.values()].every((count) => count === 0) && !found.some(({ detail }) => detail.includes('no worker')))
    found.push(problem('no worker runs', 'Start at least one: it sweeps and publishes events too (docs/runbook.md#airlockworkerdown)'))
  const isListed = ![...workers.values()].includes(null)
  return orOk(
    found,
    queueLanes.map((lane) => (isListed ? `${lane} ${workers.get(lane)} connected` : `${lane} runs`)).join(', ') +
      (isListed ? '' : ' (workers are not listed: our user of Redis may not)'),
  )
}

function pausedLane(lane: QueueLane, waiting: number, last: OpsLogEntry | null, now: Date): FindingOf {
  const by =
    last?.action === 'pause'
      ? ` for ${age(now.getTime() - last.at.getTime())} by ${last.operator}: ${last.reason ?? 'no reason given'}`
      : ', and the log of operators does not say by whom'
  return problem(`${lane} is paused${by}; ${waiting} wait`, `When the reason is gone: npm run ops -- resume ${lane}`)
}
