import { readFileSync } from 'node:fs'
import Schema from 'typebox/schema'
import { expect, test } from 'vitest'
import { parseGeneratedVideo, parseJobResult, parseProcessUpload, schemaFiles } from '../../src/index.ts'
import { storedPayloads } from '../stored-payloads.ts'

/** The parser of each version: a row for each file of `schema/`, as long as jobs of that version may be in queues. */
const readers: Record<string, (data: unknown) => unknown> = {
  'generated-video.v1.json': (data) => parseGeneratedVideo('generated_video', data),
  'job-result.v1.json': parseJobResult,
  'process-upload.v1.json': (data) => parseProcessUpload('process_upload', data),
}

const shipped = (file: string) => JSON.parse(readFileSync(new URL(`../../schema/${file}`, import.meta.url), 'utf8'))

test('each schema file has a parser and stored payloads of its version', () => {
  expect(Object.keys(readers)).toEqual(Object.keys(schemaFiles))
  expect([...new Set(storedPayloads.map(({ schema }) => schema))]).toEqual(Object.keys(schemaFiles))
})

test.for(storedPayloads)('$name is still parsed, and matches the published schema', ({ schema, data }, { expect }) => {
  expect(Schema.Check(shipped(schema), data)).toBe(true)
  expect(readers[schema]?.(data)).toMatchObject({ version: data.version })
})

test.for(storedPayloads)('$name with a missing or mistyped field is refused by parser and schema', ({ schema, data }, { expect }) => {
  for (const broken of [
    { ...data, upload_id: undefined },
    { ...data, upload_id: 7 },
    { ...data, version: 99 },
  ]) {
    expect(Schema.Check(shipped(schema), JSON.parse(JSON.stringify(broken)))).toBe(false)
    expect(() => readers[schema]?.(broken)).toThrow()
  }
})
