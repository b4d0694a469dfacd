import { bytesOfPart, partCountOf } from '@airlock/domain'
import type { DirectPart, DirectParts } from '@airlock/lifecycle'
import Type from 'typebox'
import type { OpenedFile } from '../direct/open-uploads.ts'
import { Moment, nullable, RefusedUpload, Uuid } from './schemas.ts'
import { completedEntry, type RefusedFile, uploadAnswer } from './upload.ts'

const StoreHeaders = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: { type: 'string' },
  description: 'Headers that the request must have, unchanged; Content-Length is that of the body',
})

const storeUrl = {
  url: Type.String({ description: 'Of the object store, for one PUT' }),
  headers: StoreHeaders,
  expires_at: Moment,
}

const OpenUpload = Type.Object(
  {
    index: Type.Integer({ minimum: 0, description: "The file's index in the request, from 0" }),
    upload_id: Uuid,
    job_id: Uuid,
    capability: Type.String({
      description:
        'Permits sending, completing, following and aborting this upload, as Authorization: Bearer. Airlock stores only its hash',
    }),
    put: Type.Optional(Type.Object(storeUrl, { description: 'The file is sent in one PUT' })),
    multipart: Type.Optional(
      Type.Object(
        {
          part_size_bytes: Type.Integer({ description: 'Of every part but the last' }),
          part_count: Type.Integer(),
        },
        { description: 'The file is sent in parts, whose URLs parts_url signs' },
      ),
    ),
    parts_url: Type.String(),
    complete_url: Type.String(),
    status_url: Type.String(),
    expires_at: Type.String({ format: 'date-time', description: 'When the upload is abandoned unless it was completed' }),
  },
  { title: 'OpenUpload', description: 'A file that may be sent straight to the object store; it has either put or multipart' },
)

export const OpenAnswer = Type.Object(
  {
    uploads: Type.Array(OpenUpload, { description: 'The files that may be sent, in the order of the request' }),
    rejected: Type.Array(RefusedUpload, { description: 'The refused files, in the order of the request' }),
  },
  { title: 'OpenAnswer', description: 'The result for each file; at least one may be sent' },
)

/** @param expiresAt of the uploads */
export const openAnswer = (opened: readonly OpenedFile[], refused: readonly RefusedFile[], expiresAt: Date) => ({
  uploads: opened.map(({ index, opened: { uploadId, capability, sending } }) => ({
    index,
    upload_id: uploadId,
    job_id: uploadId,
    capability,
    ...('put' in sending
      ? { put: { url: sending.put.url, headers: sending.put.headers, expires_at: sending.put.expiresAt.toISOString() } }
      : { multipart: { part_size_bytes: sending.partBytes, part_count: sending.partCount } }),
    parts_url: `/api/uploads/${uploadId}/parts`,
    complete_url: `/api/uploads/${uploadId}/complete`,
    status_url: `/api/jobs/${uploadId}`,
    expires_at: expiresAt.toISOString(),
  })),
  rejected: uploadAnswer([], refused).rejected,
})

const maxPartsAtOnce = 100

export const PartsRequest = Type.Object(
  {
    numbers: Type.Array(Type.Integer({ minimum: 1, maximum: 10_000 }), {
      minItems: 1,
      maxItems: maxPartsAtOnce,
      description: `a list of 1 to ${maxPartsAtOnce} numbers of parts, from 1`,
    }),
  },
  { additionalProperties: false, title: 'PartsRequest' },
)

export const SignedParts = Type.Object(
  {
    parts: Type.Array(
      Type.Object({
        number: Type.Integer(),
        size_bytes: Type.Integer({ description: 'The exact length of the body' }),
        ...storeUrl,
      }),
    ),
  },
  { title: 'SignedParts', description: 'A URL for each requested part' },
)

export const signedParts = (parts: readonly DirectPart[]) => ({
  parts: parts.map(({ number, sizeBytes, url, headers, expiresAt }) => ({
    number,
    size_bytes: sizeBytes,
    url,
    headers,
    expires_at: expiresAt.toISOString(),
  })),
})

export const StoredParts = Type.Object(
  {
    part_size_bytes: Type.Integer({ description: 'Of every part but the last' }),
    part_count: Type.Integer(),
    parts: Type.Array(
      Type.Object({
        number: Type.Integer(),
        size_bytes: Type.Integer(),
        etag: nullable(Type.String({ description: "The store's ETag of the part; null once the upload is complete" })),
      }),
      { description: 'In the order of their numbers' },
    ),
  },
  { title: 'StoredParts', description: 'The parts that the store has; all of them once the upload is complete' },
)

/** A part of another size than it should have is not listed: it must be sent again. */
export const storedParts = ({ sizes, parts }: DirectParts) => ({
  part_size_bytes: sizes.partBytes,
  part_count: partCountOf(sizes),
  parts: parts
    .filter(({ number, sizeBytes }) => sizeBytes === bytesOfPart(number, sizes))
    .map(({ number, sizeBytes, etag }) => ({ number, size_bytes: sizeBytes, etag })),
})

export const CompletedUploads = Type.Object(
  {
    uploads: Type.Array(completedEntry, { description: 'The completed file' }),
    rejected: Type.Array(RefusedUpload, { description: 'Always empty' }),
  },
  { title: 'CompletedUploads', description: 'The completed upload, in the form of an UploadAnswer' },
)
