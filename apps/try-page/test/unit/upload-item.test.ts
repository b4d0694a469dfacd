import { expect, test } from 'vitest'
import { fieldsOf, firstChoice, kindOf } from '../../src/kinds.ts'
import { afterReload, isSameFile, type Phase, stepsOf, type UploadItem } from '../../src/upload-item.ts'

test.for([
  ['a.JPG', '', 'brand_image'],
  ['a.webp', '', 'brand_image'],
  ['a.mp4', '', 'generated_video'],
  ['a.mov', 'video/quicktime', 'generated_video'],
  ['a.zip', 'image/png', 'lora_training'],
  ['zip', '', 'brand_image'],
  ['without extension', 'video/mp4', 'generated_video'],
  ['a.jpg.txt', 'text/plain', 'brand_image'],
] as const)('the kind of %s of type "%s" is %s', ([name, type, kind]) => {
  expect(kindOf({ name, type })).toBe(kind)
})

test('only the id that a kind requires is sent', () => {
  expect(fieldsOf('brand_image', firstChoice)).toEqual({})
  expect(fieldsOf('generated_video', firstChoice)).toEqual({ projectId: firstChoice.projectId })
  expect(fieldsOf('lora_training', firstChoice)).toEqual({ brandId: firstChoice.brandId })
})

const moments = { begun: 1000, received: 1100, processing: 1200, ended: 1500 }
const cases: [phase: Phase, moments: UploadItem['moments'], steps: string[]][] = [
  ['sending', { begun: 1000 }, ['Receiving now', 'Received ahead', 'Processing ahead', 'Completed ahead']],
  ['queued', { begun: 1000, received: 1100 }, ['Receiving done', 'Received now +100', 'Processing ahead', 'Completed ahead']],
  ['processing', { ...moments, ended: undefined }, ['Receiving done', 'Received done +100', 'Processing now +200', 'Completed ahead']],
  ['completed', moments, ['Receiving done', 'Received done +100', 'Processing done +200', 'Completed done +500']],
  ['completed', { ...moments, processing: undefined }, ['Receiving done', 'Received done +100', 'Processing done', 'Completed done +500']],
  ['rejected', moments, ['Receiving done', 'Received done +100', 'Processing done +200', 'Rejected bad +500']],
  ['rejected', { ...moments, processing: undefined }, ['Receiving done', 'Received done +100', 'Processing done', 'Rejected bad +500']],
  ['refused', { begun: 1000, ended: 1040 }, ['Receiving done', 'Refused bad +40']],
  ['cancelled', { begun: 1000, received: 1100, ended: 1150 }, ['Receiving done', 'Received done +100', 'Cancelled bad +150']],
]
test.for(cases)('the timeline of an upload that is %s', ([phase, seen, expected]) => {
  const steps = stepsOf({ phase, moments: seen })
  expect(steps.map(({ title, is, afterMs }) => `${title} ${is}${afterMs ? ` +${afterMs}` : ''}`)).toEqual(expected)
})

const item = { name: 'a.mp4', sizeBytes: 5, lastModified: 7, phase: 'sending', bytesPerSecond: 3 } as UploadItem

test('a reload interrupts what was being sent, and nothing else', () => {
  expect(afterReload(item)).toMatchObject({ phase: 'interrupted', bytesPerSecond: null })
  expect(afterReload({ ...item, phase: 'waiting' }).phase).toBe('interrupted')
  for (const phase of ['queued', 'processing', 'completed', 'rejected', 'cancelled'] as const)
    expect(afterReload({ ...item, phase }).phase).toBe(phase)
})

test('an upload is continued only with the same file', () => {
  const file = { name: 'a.mp4', size: 5, lastModified: 7 }
  expect(isSameFile(item, file)).toBe(true)
  for (const change of [{ name: 'b.mp4' }, { size: 6 }, { lastModified: 8 }]) expect(isSameFile(item, { ...file, ...change })).toBe(false)
})
