import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Breach, Evidence } from './evidence.ts'
import type { Entry, History } from './history.ts'

/** The result of a run. */
export interface Result {
  readonly seed: number
  readonly acknowledged: number
  readonly faults: number
  readonly breaches: readonly Breach[]
}

/** `chaos: seed 7, 212 acknowledged, 31 faults, 0 lost, 0 breaches`: lost are acknowledged files with a wrong end (I1). */
export function lastLine({ seed, acknowledged, faults, breaches }: Result): string {
  const lost = breaches.filter(({ invariant }) => invariant === 'I1').length
  return `chaos: seed ${seed}, ${acknowledged} acknowledged, ${faults} faults, ${lost} lost, ${breaches.length - lost} breaches`
}

/** The ends of the uploads, and the errors that clients got, as evidence that something happened. */
export function figures({ uploads, history, feed }: Evidence): string[] {
  const states = countBy([...uploads.values()], ({ state, error_code }) => (error_code === null ? state : `${state} (${error_code})`))
  const failures = countBy(
    history.all('failed'),
    ({ what, why }) => `${what.replace(/ http.*/, '')}: ${why.replace(/127\.0\.0\.1:\d+/, 'the gateway')}`,
  )
  const events = countBy(feed, ({ type }) => type)
  return [...list('Uploads', states), ...list('Events', events), ...list('Without a good answer', failures)]
}

const countBy = <T>(things: readonly T[], nameOf: (thing: T) => string): [string, number][] =>
  [...Map.groupBy(things, nameOf)].map(([name, group]): [string, number] => [name, group.length]).sort((a, b) => b[1] - a[1])

const list = (title: string, counts: [string, number][]): string[] => [
  `${title}:`,
  ...counts.map(([name, count]) => `  ${String(count).padStart(5)}  ${name}`),
]

const shownUploads = 5
const shownLines = 80

/** The logs of the processes, and the errors of their clocks, in ms. */
interface Logs {
  readonly folder: string
  readonly clocks: Readonly<Record<string, number>>
}

/** The histories of the first few uploads with breaches: client events, log lines, and concurrent faults. */
export function histories(breaches: readonly Breach[], history: History, { folder, clocks }: Logs): string[] {
  const ids = [...new Set(breaches.flatMap(({ uploadId }) => uploadId ?? []))].slice(0, shownUploads)
  return ids.flatMap((id) => ['', `History of ${id}:`, ...seenByClients(id, history), ...writtenBy(id, { folder, clocks })])
}

function seenByClients(id: string, { entries }: History): string[] {
  const name = entries.find((entry) => entry.event === 'acknowledged' && entry.uploadId === id)
  const filename = name?.event === 'acknowledged' ? name.name : null
  const concerns = (entry: Entry) =>
    ('uploadId' in entry && entry.uploadId === id) ||
    (filename !== null && 'name' in entry && entry.name === filename) ||
    (filename !== null && entry.event === 'sent' && entry.file.name === filename)
  const times = entries.filter(concerns).map(({ ms }) => ms)
  const [from, to] = [Math.min(...times) - 1000, Math.max(...times) + 5000]
  return entries
    .filter((entry) => concerns(entry) || (entry.event.startsWith('fault') && entry.ms >= from && entry.ms <= to))
    .slice(0, shownLines)
    .map(({ ms, ...event }) => `  ${(ms / 1000).toFixed(2).padStart(7)} s  ${JSON.stringify(event)}`)
}

function writtenBy(id: string, { folder, clocks }: Logs): string[] {
  const lines = readdirSync(folder)
    .filter((file) => file.endsWith('.log'))
    .flatMap((file) =>
      readFileSync(join(folder, file), 'utf8')
        .split('\n')
        .filter((line) => line.includes(id))
        .map((line) => ({
          at: timeIn(line) - (clocks[file.split('.')[0] ?? ''] ?? 0),
          line: `  ${file.replace(/\.log$/, '')}  ${line.slice(0, 400)}`,
        })),
    )
  return lines
    .sort((a, b) => a.at - b.at)
    .slice(0, shownLines)
    .map(({ line }) => line)
}

const timeIn = (line: string): number => Number(/"time":(\d+)/.exec(line)?.[1] ?? 0)

/** `gateway-1 +213 s, gateway-2 -71 s`. */
export const describeClocks = (clocks: Logs['clocks']): string =>
  Object.entries(clocks)
    .map(([name, ms]) => `${name} ${ms < 0 ? '' : '+'}${ms / 1000} s`)
    .join(', ')
