import type { TSchema } from 'typebox'
import { GeneratedVideo } from './payloads/generated-video.ts'
import { JobResult } from './payloads/job-result.ts'
import { ProcessUpload } from './payloads/process-upload.ts'

/**
 * The payloads on the queues as JSON Schema, for programs in other languages: one file each in `schema/`. A published version is never changed
 * so that it refuses what it accepted before; a new version is a new file, and a worker reads both.
 */
const schemas = {
  'generated-video.v1.json': GeneratedVideo,
  'job-result.v1.json': JobResult,
  'process-upload.v1.json': ProcessUpload,
} as const satisfies Record<string, TSchema>

/** The expected files of `schema/`, by name. */
export const schemaFiles: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(schemas).map(([file, schema]) => [
    file,
    `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }, null, 2)}\n`,
  ]),
)
