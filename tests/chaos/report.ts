import { clocksOf, type Run } from './cluster.ts'
import type { Evidence, Violation } from './evidence.ts'
import type { Entry, History } from './history.ts'
import { type ProcessName, processNames } from './schedule.ts'

/** The result of a run. */
export interface Result {
  readonly seed: number
  readonly acknowledged: number
  readonly faults: number
  readonly violations: readonly Violation[]
}

/** `chaos: seed 7, 212 acknowledged, 31 faults, 0 lost, 0 violations`: lost are acknowledged files with a wrong end (I1). */
export function lastLine({ seed, acknowledged, faults, violations }: Result): string {
  const lost = violations.filter(({ invariant }) => invariant === 'I1').length
  return `chaos: seed ${seed}, ${acknowledged} acknowledged, ${faults} faults, ${lost} lost, ${violations.length - lost} violations`
}

export const describe = ({ invariant, uploadId, what }: Violation): string => `${invariant} ${uploadId ?? ''} ${what}`

/** The ends of the uploads, and the errors that clients got, as evidence that something happened. */
export function counts({ uploads, history, feed }: Evidence): string[] {
  const states = countBy([...uploads.values()], ({ state, error_code }) => (error_code === null ? state : `${state} (${error_code})`))
  const failures = countBy(
    history.all('failed'),
    ({ what, why }) => `${what.replace(/ http.*/, '')}: ${why.replace(/127\.0\.0\.1:\d+/, 'the gateway')}`,
  )
  const events = countBy(feed, ({ type }) => type)
  return [...list('Uploads', states), ...list('Events', events), ...list('Failed requests', failures)]
}

const countBy = <T>(things: readonly T[], nameOf: (thing: T) => string): [string, number][] =>
  [...Map.groupBy(things, nameOf)].map(([name, group]): [string, number] => [name, group.length]).sort((a, b) => b[1] - a[1])

const list = (title: string, counts: [string, number][]): string[] => [
  `${title}:`,
  ...counts.map(([name, count]) => `  ${String(count).padStart(5)}  ${name}`),
]

const shownUploads = 5
const shownLines = 80

/** The histories of the first few uploads with violations: client events, log lines, and concurrent faults. */
export function histories(violations: readonly Violation[], { history, cluster, seed }: Run): string[] {
  const ids = [...new Set(violations.flatMap(({ uploadId }) => uploadId ?? []))].slice(0, shownUploads)
  const clocks = clocksOf(seed)
  const logs = processNames.map((name) => ({ name, lines: cluster.process(name).log().split('\n'), clockMs: clocks[name] }))
  return ids.flatMap((id) => ['', `History of ${id}:`, ...seenByClients(id, history), ...logged(id, logs)])
}

function seenByClients(id: string, history: History): string[] {
  const name = history.all('acknowledged').find(({ uploadId }) => uploadId === id)?.name
  const values = [id, ...(name === undefined ? [] : [name])].map((value) => JSON.stringify(value))
  const concerns = (entry: Entry) => values.some((value) => JSON.stringify(entry).includes(value))
  const times = history.entries.filter(concerns).map(({ ms }) => ms)
  const [from, to] = [Math.min(...times) - 1000, Math.max(...times) + 5000]
  return history.entries
    .filter((entry) => concerns(entry) || (entry.event.startsWith('fault') && entry.ms >= from && entry.ms <= to))
    .slice(0, shownLines)
    .map(({ ms, ...event }) => `  ${(ms / 1000).toFixed(2).padStart(7)} s  ${JSON.stringify(event)}`)
}

/** Log lines about an upload, in order: the error of each process's clock is subtracted. */
function logged(id: string, logs: readonly { name: string; lines: readonly string[]; clockMs: number }[]): string[] {
  return logs
    .flatMap(({ name, lines, clockMs }) =>
      lines.filter((line) => line.includes(id)).map((line) => ({ at: timeIn(line) - clockMs, line: `  ${name}  ${line.slice(0, 400)}` })),
    )
    .sort((a, b) => a.at - b.at)
    .slice(0, shownLines)
    .map(({ line }) => line)
}

const timeIn = (line: string): number => Number(/"time":(\d+)/.exec(line)?.[1] ?? 0)

/** `gateway-1 +213 s, gateway-2 -71 s`. */
export const describeClocks = (clocks: Readonly<Record<ProcessName, number>>): string =>
  Object.entries(clocks)
    .map(([name, ms]) => `${name} ${ms < 0 ? '' : '+'}${ms / 1000} s`)
    .join(', ')
