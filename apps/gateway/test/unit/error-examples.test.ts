import { AirlockError, exampleOf } from '@airlock/domain'
import { expect, test } from 'vitest'
import { maxStreamsPerUser } from '../../src/following/stream-job.ts'
import { maxIds } from '../../src/routes/job-lists.ts'
import { maxFiles } from '../../src/upload/form.ts'

test('examples of errors contain the gateway’s limits', () => {
  const limits = { too_many_ids: maxIds, too_many_streams: maxStreamsPerUser, too_many_files: maxFiles, no_files: maxFiles } as const
  for (const [code, limit] of Object.entries(limits) as [keyof typeof limits, number][])
    expect(exampleOf(code).detail).toBe(new AirlockError(code, { limit }).detail)
})
