import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { inboxKey, type Priority, priorityNames } from '../names.ts'
import { PayloadMalformed, readPayload, Uuid } from './read-payload.ts'

/** The name of the jobs with this payload. Their queue is that of the lane `videos`. */
export const generatedVideoJob = 'generated_video'

/**
 * Announces a video that the pipeline has stored in the inbox. The object exists before the job: a job only wakes a worker, and the sweeper
 * enqueues a lost one again. The job id is the upload id in lower case, so that enqueueing is idempotent.
 *
 * `parseGeneratedVideo` checks what the schema can't express: that the key has the ids of the payload, and the rules of filename and metadata.
 */
export const GeneratedVideo = Type.Object(
  {
    version: Type.Literal(1),
    upload_id: Uuid,
    user_id: Uuid,
    project_id: Uuid,
    key: Type.String({
      pattern: '^pipeline-inbox/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\.mp4$',
      description: 'pipeline-inbox/{project_id}/{upload_id}.mp4, the ids in lower case',
    }),
    filename: Type.String({ minLength: 1, maxLength: 255, description: 'the name of the file for people, 1 to 255 characters' }),
    sha256: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{64}$', description: "the SHA-256 of the file's bytes, 64 hex digits in lower case" }),
    ),
    metadata: Type.Optional(
      Type.Object(
        {},
        {
          additionalProperties: Type.Unsafe<string | number | boolean>({ type: ['string', 'number', 'boolean'] }),
          description: 'a flat object of at most 4 KiB whose values are strings, numbers or booleans; events and responses return it',
        },
      ),
    ),
    priority: Type.Optional(
      Type.Unsafe<Priority>({ type: 'string', enum: priorityNames, description: "'interactive' or 'batch'; absent means batch" }),
    ),
  },
  { additionalProperties: false, $id: 'urn:airlock:generated-video:v1', title: 'generated_video, version 1' },
)

export type GeneratedVideo = Omit<Type.Static<typeof GeneratedVideo>, 'metadata'> & { metadata?: Record<string, string | number | boolean> }

const generatedVideo = Compile(GeneratedVideo)

/**
 * Reads a `generated_video` job's payload.
 *
 * Ids are case-insensitive and returned in lower case. The key must have the ids in lower case, because keys are case-sensitive and one video
 * must not have two keys.
 *
 * @throws PayloadMalformed names the job and its first fault
 */
export function parseGeneratedVideo(jobName: string, data: unknown): GeneratedVideo {
  if (jobName !== generatedVideoJob) throw new PayloadMalformed(`unknown job name '${jobName.slice(0, 80)}'`)
  const given = readPayload(generatedVideoJob, generatedVideo, data) as GeneratedVideo
  const payload = {
    ...given,
    upload_id: given.upload_id.toLowerCase(),
    user_id: given.user_id.toLowerCase(),
    project_id: given.project_id.toLowerCase(),
  }
  const fault = keyFault(payload) ?? filenameFault(payload.filename) ?? metadataFault(payload.metadata)
  if (fault !== null) throw new PayloadMalformed(`${generatedVideoJob}/${fault}`)
  return payload
}

function keyFault({ key, project_id, upload_id }: GeneratedVideo): string | null {
  const expected = inboxKey({ projectId: project_id, uploadId: upload_id })
  return key === expected ? null : `key: must be that of this project and upload, ${expected}`
}

/** C0, DEL and C1 controls, and the line and paragraph separators, which some programs treat as line ends. */
const control = /[\p{Cc}\u2028\u2029]/u

/**
 * Checks a filename by the gateway's rules; of a path with either kind of slash, the last part is the name.
 *
 * @returns `filename: …`, or null
 */
function filenameFault(filename: string): string | null {
  const name = filename.split(/[/\\]/).at(-1)?.normalize('NFC') ?? ''
  if (/^[.\s]*$/.test(name)) return 'filename: is not a file name'
  if (control.test(name)) return 'filename: has control characters'
  if (!name.isWellFormed()) return 'filename: is not valid Unicode'
  if ([...name].length > 255) return 'filename: is longer than 255 characters in its composed form (NFC)'
  return null
}

const maxBytes = 4096

/**
 * Checks metadata by the gateway's rules, and for text that Postgres can't store.
 *
 * @returns `metadata: …`, or null
 */
function metadataFault(metadata: Readonly<Record<string, string | number | boolean>> | undefined): string | null {
  if (metadata === undefined) return null
  const bytes = new TextEncoder().encode(JSON.stringify(metadata)).length
  if (bytes > maxBytes) return `metadata: has ${bytes} bytes as JSON, at most ${maxBytes} are allowed`
  const texts = Object.entries(metadata).flat().map(String)
  if (texts.some((text) => text.includes('\u0000'))) return 'metadata: has a NUL character'
  if (!texts.every((text) => text.isWellFormed())) return 'metadata: is not valid Unicode'
  return null
}
