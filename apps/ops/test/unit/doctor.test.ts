import { expect, test } from 'vitest'
import { examine } from '../../src/commands/doctor/finding.ts'
import { summaryOf } from '../../src/commands/doctor/report.ts'
import { clocks, connections } from '../../src/commands/doctor/servers.ts'

const state = { now: new Date(), isStandby: false, connections: 10, maxConnections: 97, pendingMigrations: [], unknownMigrations: [] }

test.for([
  ['all agree', [0, 100, -400], []],
  ['the store differs from the rest', [0, 100, -10_400], ['S3']],
  ['ours differs from the rest', [60_000, 60_100, 60_400], ['this machine']],
  ['the others are not known', [null, null, -300], []],
] as const)('clocks: %s', ([, [postgres, redis, s3], wrong]) => {
  const found = clocks([
    { name: 'Postgres', aheadMs: postgres },
    { name: 'Redis', aheadMs: redis },
    { name: 'S3', aheadMs: s3 },
  ])
  const named = found.filter(({ result }) => result === 'problem').map(({ detail }) => /clock of (.*) is/.exec(detail)?.[1])
  expect(named).toEqual(wrong)
})

test('a wrong clock is named with the difference', () => {
  expect(
    clocks([
      { name: 'Redis', aheadMs: 20 },
      { name: 'S3', aheadMs: -61_000 },
    ])[0]?.detail,
  ).toBe('the clock of S3 is 61 s behind the others')
})

test('connections are a problem when most are open, or when two processes may need more than there are', () => {
  expect(connections(state, 10).map(({ result }) => result)).toEqual(['ok'])
  expect(connections({ ...state, connections: 90 }, 10).map(({ detail }) => detail)).toEqual(['90 of 97 connections to Postgres are open'])
  expect(connections(state, 50).map(({ result }) => result)).toEqual(['problem'])
})

test('a check that fails or hangs is not judged', async () => {
  const fails = () => Promise.reject(new Error('no answer'))
  expect(await examine('one', { timeoutMs: 1000 }, fails)).toMatchObject([{ check: 'one', result: 'unknown', detail: 'no answer' }])
  const hangs = () => new Promise<never>(() => {})
  expect(await examine('one', { timeoutMs: 10 }, hangs)).toMatchObject([{ result: 'unknown', detail: 'not completed in 0 s' }])
})

test('what can not be judged is reported, unless there is a problem', () => {
  const found = (...results: ('ok' | 'problem' | 'unknown' | 'skipped')[]) =>
    summaryOf(results.map((result) => ({ check: 'one', result, detail: '', remedy: null })))
  expect(found('ok', 'skipped')).toBe('well')
  expect(found('ok', 'unknown')).toBe('unclear')
  expect(found('unknown', 'problem')).toBe('problems')
})
