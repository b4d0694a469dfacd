import { expect, test } from 'vitest'
import { type GeneratedVideo, jobOptions, priorities } from '../../src/index.ts'

const upload_id = '01939A6E-0f4c-7c3a-9d2e-5a1b2c3d4e5f'
const form = { name: 'process_upload', payload: { version: 1, upload_id } } as const
const video = (priority?: 'interactive' | 'batch') => ({
  name: 'generated_video' as const,
  payload: {
    version: 1,
    upload_id,
    user_id: upload_id,
    project_id: upload_id,
    key: 'k',
    filename: 'f',
    ...(priority && { priority }),
  } as GeneratedVideo,
})

test('a job has the upload id in lower case, and more attempts than any upload', () => {
  for (const job of [form, video()]) {
    expect(jobOptions('videos', job)).toMatchObject({ jobId: upload_id.toLowerCase(), attempts: 100, backoff: { type: 'custom' } })
  }
})

test('the result of a generated video is kept for a day', () => {
  expect(jobOptions('videos', video()).removeOnComplete).toEqual({ age: 86_400, count: 10_000 })
  expect(jobOptions('videos', form).removeOnComplete).toBe(true)
})

test('in the lane videos, users precede batches, and every job has a priority', () => {
  expect(jobOptions('videos', form).priority).toBe(priorities.interactive)
  expect(jobOptions('videos', video('interactive')).priority).toBe(priorities.interactive)
  expect(jobOptions('videos', video('batch')).priority).toBe(priorities.batch)
  expect(jobOptions('videos', video()).priority).toBe(priorities.batch)
  expect(priorities.interactive).toBeLessThan(priorities.batch)
})

test('pictures have no priorities', () => {
  expect(jobOptions('images', form)).not.toHaveProperty('priority')
})
