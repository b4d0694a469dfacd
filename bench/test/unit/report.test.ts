import { expect, test } from 'vitest'
import { contestantsChart, growthChart } from '../../src/report/chart.ts'
import { measurementTable, short, targetTable } from '../../src/report/tables.ts'
import type { Measurement } from '../../src/results.ts'
import { percentile, summaryOf } from '../../src/statistics.ts'
import { outcomes } from '../../src/targets.ts'

const row = (name: string, values: Readonly<Record<string, number>>) => ({
  name,
  values: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, summaryOf([value * 0.9, value, value * 1.2])])),
})

/** @param rss peak memory of Airlock, in MiB @param cpu CPU time of Airlock per MiB, in ms */
const large = (rss: number, cpu: number): Measurement => ({
  title: '200 MiB',
  rows: [
    row('multer-s3', { 'MiB/s': 200, 'CPU ms per MiB': 6, 'peak RSS, MiB': 1400, 'p50, ms': 7800, 'p99, ms': 12_000 }),
    row('Fastify + lib-storage', { 'MiB/s': 210, 'CPU ms per MiB': 5, 'peak RSS, MiB': 500, 'p50, ms': 7800, 'p99, ms': 9000 }),
    row('Airlock', { 'MiB/s': 330, 'CPU ms per MiB': cpu, 'peak RSS, MiB': rss, 'p50, ms': 5000, 'p99, ms': 6000 }),
  ],
})

const small = (title: string): Measurement => ({
  title,
  rows: ['multer-s3', 'tus', 'Airlock'].map((name) => row(name, { 'files/s': 500, 'CPU ms per file': 2 })),
})

test('the median of an even number of rounds lies between the two in the middle', () => {
  expect(summaryOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 })
  expect(summaryOf([7])).toEqual({ median: 7, min: 7, max: 7 })
})

test('p99 is the value of the nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index)
  expect([percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1), percentile([3], 0.99)]).toEqual([50, 99, 100, 3])
})

test.each([
  [12_345.6, '12,346'],
  [356.4, '356'],
  [28.96, '29.0'],
  [0.6612, '0.66'],
  [Number.NaN, '–'],
])('%d is shown as %s', (value, text) => expect(short(value)).toBe(text))

test('tables fit a terminal of 80 columns', () => {
  const tables = [measurementTable(large(356, 4)), targetTable(outcomes([large(356, 4)]))].join('\n')
  expect(Math.max(...tables.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  expect(tables).toContain('356 ±15%')
})

test('a target tells whether it is met, and whether its guard is kept', () => {
  const outcome = (rss: number, cpu: number) =>
    Object.fromEntries(outcomes([large(rss, cpu)]).map(({ title, met, kept }) => [title, { met, kept }]))
  const rss = '200 MiB: peak RSS'
  const cpu = '200 MiB: CPU per MiB ÷ multer-s3'
  expect(outcome(200, 3)).toMatchObject({ [rss]: { met: true, kept: true }, [cpu]: { met: true, kept: true } })
  expect(outcome(10_000, 60)).toMatchObject({ [rss]: { met: false, kept: false }, [cpu]: { met: false, kept: false } })
  expect(outcome(200, 3)['200 MiB: MiB/s ÷ multer-s3']).toEqual({ met: true, kept: null })
})

test('what was not measured is not a target', () => expect(outcomes([small('no such measurement')])).toEqual([]))

test('the chart of the contestants shows all of them, and is not drawn without all measurements', () => {
  const all = [large(356, 4), small('1 MiB'), small('64 KiB')]
  expect(contestantsChart(all)?.match(/<rect /g)).toHaveLength(18)
  expect(contestantsChart(all.slice(1))).toBeNull()
})

test('the chart of the growth shows Airlock with more clients and more assets, and is not drawn without all measurements', () => {
  const assets: Measurement = {
    title: 'Assets in the database',
    rows: ['1,000', '100,000', '1,000,000'].map((name) => row(name, { 'uploads/s': 50, 'page p99, ms': 7 })),
  }
  const clients = ['1 client', '10 clients', '100 clients'].map((name) => small(`64 KiB, ${name}`))
  expect(growthChart([...clients, assets])?.match(/class="airlock"/g)).toHaveLength(12)
  expect(growthChart([...clients.slice(1), assets])).toBeNull()
  expect(growthChart(clients)).toBeNull()
})
