import { expect, test } from 'vitest'
import { type Check, lineOf, proveAll } from '../../long/check.ts'

const right: Check<string> = { what: 'it holds', prove: async (subject) => `seen on ${subject}` }
const wrong: Check<string> = {
  what: 'it breaks',
  prove: async () => {
    throw new Error('no answer', { cause: new Error('connection refused') })
  },
}

async function findingsOf(checks: readonly Check<string>[], stop = new AbortController().signal) {
  const said: string[] = []
  const findings = await proveAll(checks, 'a stack', { stop, say: (line) => said.push(line) })
  return { said, verdicts: findings.map(({ verdict }) => verdict), remarks: findings.map(({ remark }) => remark) }
}

test('a failing check is reported with its reason, and the next ones run', async () => {
  const { verdicts, remarks } = await findingsOf([wrong, right])

  expect(verdicts).toEqual(['failed', 'ok'])
  expect(remarks).toEqual(['no answer, because: connection refused', 'seen on a stack'])
})

test('without the bucket, the remaining checks are skipped and do not count as passed', async () => {
  expect((await findingsOf([right, { ...wrong, isPrerequisite: true }, right, right])).verdicts).toEqual([
    'ok',
    'failed',
    'skipped',
    'skipped',
  ])
})

test('an interruption skips the remaining checks', async () => {
  expect((await findingsOf([right, right], AbortSignal.abort())).verdicts).toEqual(['skipped', 'skipped'])
})

test('an interrupted check has not failed', async () => {
  const interruption = new AbortController()
  const brokenOff: Check<string> = {
    what: 'it holds',
    prove: async () => {
      interruption.abort()
      throw new Error('broken off')
    },
  }

  expect(await findingsOf([brokenOff], interruption.signal)).toMatchObject({ verdicts: ['skipped'], remarks: ['interrupted'] })
})

test('each finding is printed at once, followed by its measurements', async () => {
  const { said } = await findingsOf([right])

  expect(said).toEqual([expect.stringMatching(/^✓ it holds {2}\d\.\d s\n {4}seen on a stack$/)])
})

test('a finding without a remark has one line', () => {
  expect(lineOf({ what: 'it holds', verdict: 'ok', ms: 1234, remark: '' })).toBe('✓ it holds  1.2 s')
  expect(lineOf({ what: 'it holds', verdict: 'skipped', ms: 0, remark: '' })).toBe('– it holds (skipped)')
})
