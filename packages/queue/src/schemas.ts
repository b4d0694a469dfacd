import type { TSchema } from 'typebox'
import { GeneratedVideo } from './payloads/generated-video.ts'
import { JobResult } from './payloads/job-result.ts'
import { ProcessUpload } from './payloads/process-upload.ts'

/**
 * What travels on the queues, as JSON Schema for programs in other languages: a file each, below `schema/`. A version that is out is never
 * changed in a way that refuses what it took before; a new version is a new file, and a worker reads both.
 */
const schemas = {
  'generated-video.v1.json': GeneratedVideo,
  'job-result.v1.json': JobResult,
  'process-upload.v1.json': ProcessUpload,
} as const satisfies Record<string, TSchema>

/** The files of `schema/`, by name, as they should be. */
export const schemaFiles: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(schemas).map(([file, schema]) => [
    file,
    `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }, null, 2)}\n`,
  ]),
)
