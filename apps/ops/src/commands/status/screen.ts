import type { EndpointProgress } from '@airlock/database'
import { sweepRules } from '@airlock/lifecycle'
import { type QueueLane, queueLanes } from '@airlock/queue'
import { age, fit, Table } from '../../table.ts'
import type { Dependency, Status } from './read-status.ts'

const unknown = '?'
const seconds = (value: number | null | undefined): string => (value === null || value === undefined ? unknown : age(value * 1000))

const dependencyTable = new Table<Dependency>([
  { title: 'DEPENDENCY', width: 10, of: ({ dependency }) => dependency },
  { title: 'STATE', width: 11, of: ({ up }) => (up ? 'up' : 'unavailable') },
  { title: 'LATENCY', width: 9, of: ({ latencyMs }) => (latencyMs === null ? '-' : `${latencyMs} ms`) },
  { title: 'REASON', width: 64, of: ({ error }) => error ?? '' },
])

const laneTable = ({ load, paused }: Status) => {
  const loadOf = (lane: QueueLane) => load?.lanes.find((one) => one.lane === lane)
  const pausedText = (lane: QueueLane) => (paused === null ? unknown : paused.get(lane) ? 'paused' : 'running')
  return new Table<QueueLane>([
    { title: 'LANE', width: 10, of: (lane) => lane },
    { title: 'STATE', width: 11, of: pausedText },
    { title: 'WAITING', width: 9, of: (lane) => String(loadOf(lane)?.waiting ?? unknown) },
    { title: 'OLDEST', width: 6, of: (lane) => seconds(loadOf(lane)?.oldestSeconds) },
    { title: 'DELAYED', width: 9, of: (lane) => String(loadOf(lane)?.delayed ?? unknown) },
    { title: 'PROCESSING', width: 10, of: (lane) => String(loadOf(lane)?.processing ?? unknown) },
  ])
}

const endpointTable = new Table<EndpointProgress>([
  { title: 'WEBHOOK ENDPOINT', width: 60, of: ({ endpoint }) => endpoint },
  { title: 'LAG', width: 4, of: ({ lagSeconds }) => seconds(lagSeconds) },
  { title: 'NOT QUEUED', width: 10, of: ({ notQueued }) => String(notQueued) },
  { title: 'DEAD', width: 9, of: ({ dead }) => String(dead) },
])

/** One screen: more endpoints are only in `--json`. */
const maxShown = 10

/** The status as one screen of text, within 100 columns. */
export function screenOf(status: Status): string {
  const { dependencies, load, relayLagSeconds, endpoints, problems } = status
  const lanes = laneTable(status)
  const lines = [
    dependencyTable.header,
    ...dependencies.map((one) => dependencyTable.row(one)),
    '',
    lanes.header,
    ...queueLanes.map((lane) => lanes.row(lane)),
    '',
    `Uploads      ${load?.parked ?? unknown} parked, ${load?.receiving ?? unknown} being received, ${load?.openDirect ?? unknown} direct ones open`,
    `Event relay  lag ${seconds(relayLagSeconds)}`,
    ...sweeperLines(status),
    ...endpointLines(endpoints),
  ]
  if (problems.length > 0) lines.push('', ...problems.map((problem) => fit(`Not read: ${problem}`, 100).trimEnd()))
  return lines.join('\n')
}

function endpointLines(endpoints: Status['endpoints']): string[] {
  if (endpoints === null) return [`Webhooks     ${unknown}`]
  if (endpoints.length === 0) return ['Webhooks     no endpoint']
  const shown = [...endpoints].sort((a, b) => b.lagSeconds - a.lagSeconds || b.dead - a.dead).slice(0, maxShown)
  const more = endpoints.length - shown.length
  const rows = shown.map((one) => endpointTable.row(one))
  return ['', endpointTable.header, ...rows, ...(more > 0 ? [`and ${more} more, in --json`] : [])]
}

function sweeperLines({ sweeper }: Status): string[] {
  if (sweeper === null) return [`Sweeper      ${unknown}`]
  const { now, endedAt, isRunning } = sweeper
  const agoOf = (at: Date | null) => (at === null ? 'never' : age(now.getTime() - at.getTime()))
  const ended = endedAt === null ? 'no sweep has ended yet' : `last sweep ended ${agoOf(endedAt)} ago`
  const cells = rulesOf(sweeper).map(({ rule, endedAt: at }) => fit(`${rule} ${agoOf(at)}`, 16))
  return [
    `Sweeper      ${ended}${isRunning ? ', one is running' : ''}; since the last pass of each rule:`,
    ...[0, 5, 10].map((from) => `             ${cells.slice(from, from + 5).join(' ')}`.trimEnd()),
  ]
}

const rulesOf = ({ positions }: NonNullable<Status['sweeper']>) =>
  sweepRules.map((rule) => {
    const endedAt = positions[rule]?.endedAt ?? null
    return { rule, endedAt: endedAt === null ? null : new Date(endedAt) }
  })

/** The status for programs. */
export const statusForPrograms = ({ dependencies, load, paused, relayLagSeconds, endpoints, sweeper, problems }: Status) => ({
  dependencies: dependencies.map(({ latencyMs, ...one }) => ({ ...one, latency_ms: latencyMs })),
  lanes: queueLanes.map((lane) => {
    const of = load?.lanes.find((one) => one.lane === lane)
    return {
      lane,
      paused: paused?.get(lane) ?? null,
      waiting: of?.waiting ?? null,
      oldest_seconds: of?.oldestSeconds ?? null,
      delayed: of?.delayed ?? null,
      processing: of?.processing ?? null,
    }
  }),
  parked: load?.parked ?? null,
  receiving: load?.receiving ?? null,
  open_direct: load?.openDirect ?? null,
  event_relay: relayLagSeconds === null ? null : { lag_seconds: relayLagSeconds },
  webhooks:
    endpoints?.map(({ endpoint, lagSeconds, notQueued, dead }) => ({ endpoint, lag_seconds: lagSeconds, not_queued: notQueued, dead })) ??
    null,
  sweeper: sweeper && {
    ended_at: sweeper.endedAt?.toISOString() ?? null,
    running: sweeper.isRunning,
    rules: rulesOf(sweeper).map(({ rule, endedAt }) => ({ rule, ended_at: endedAt?.toISOString() ?? null })),
  },
  problems,
})
