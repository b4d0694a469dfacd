import { CopyObjectCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3'
import { type Check, differs, type Finding, missing, ok } from '../check.ts'
import { briefly, httpStatusOf } from '../s3-target.ts'
import type { ScratchBucket } from '../scratch-bucket.ts'
import { encryptionFinding } from './writing.ts'

const otherEtag = '"00000000000000000000000000000000"'
const withoutServerCopy = 'set S3_SERVER_SIDE_COPY=false: Airlock copies by pinned reads and writes'
const newHeaders = { Metadata: { probe: 'copied' }, ContentType: 'image/webp', CacheControl: 'no-cache' } as const

export const copyingChecks: readonly Check[] = [
  {
    capability: 'copy an object, with new headers',
    without: withoutServerCopy,
    try: async (scratch) => {
      const key = await copied(scratch, 'copied')
      return headersFinding(await scratch.head(key))
    },
  },
  {
    capability: 'CopySourceIfMatch on a copy',
    without: withoutServerCopy,
    try: async (scratch) => refusalFinding(copied(scratch, 'copied-if-match', { CopySourceIfMatch: otherEtag })),
  },
  {
    capability: 'encryption (SSE-S3) on a copy',
    without: 'set S3_SSE=none and encrypt the disks',
    try: async (scratch) => {
      const key = await copied(scratch, 'copied-sse', { ServerSideEncryption: 'AES256' })
      return encryptionFinding((await scratch.head(key)).ServerSideEncryption)
    },
  },
  {
    capability: 'copy in parts, with new headers',
    without: withoutServerCopy,
    try: async (scratch) => {
      const key = await copiedInParts(scratch, 'in-parts')
      const { sizeBytes } = await scratch.large()
      const found = await scratch.head(key)
      return found.ContentLength === sizeBytes ? headersFinding(found) : missing(`${found.ContentLength} bytes arrived of ${sizeBytes}`)
    },
  },
  {
    capability: 'CopySourceIfMatch on a copy in parts',
    without: withoutServerCopy,
    try: async (scratch) => refusalFinding(copiedInParts(scratch, 'in-parts-if-match', { ifMatch: otherEtag })),
  },
  {
    capability: 'encryption (SSE-S3) on a copy in parts',
    without: 'set S3_SSE=none and encrypt the disks',
    try: async (scratch) => {
      const key = await copiedInParts(scratch, 'in-parts-sse', { encrypted: true })
      return encryptionFinding((await scratch.head(key)).ServerSideEncryption)
    },
  },
]

const sourceOf = ({ bucket }: ScratchBucket, key: string): string => `${bucket}/${key}`

async function copied(
  scratch: ScratchBucket,
  name: string,
  more: { CopySourceIfMatch?: string; ServerSideEncryption?: 'AES256' } = {},
): Promise<string> {
  const { key: from, etag } = await scratch.put(`${name}-source`, 'copy me', { Metadata: { probe: 'source' } })
  const Key = scratch.key(name)
  await scratch.client.send(
    new CopyObjectCommand({
      Bucket: scratch.bucket,
      Key,
      CopySource: sourceOf(scratch, from),
      CopySourceIfMatch: etag,
      MetadataDirective: 'REPLACE',
      ...newHeaders,
      ...more,
    }),
  )
  return Key
}

async function copiedInParts(
  scratch: ScratchBucket,
  name: string,
  { ifMatch, encrypted = false }: { ifMatch?: string; encrypted?: boolean } = {},
): Promise<string> {
  const { key: from, etag, sizeBytes } = await scratch.large()
  const upload = await scratch.begin(name, { ...newHeaders, ...(encrypted && { ServerSideEncryption: 'AES256' }) })
  const middle = 5 * 1024 * 1024
  const ranges = [`bytes=0-${middle - 1}`, `bytes=${middle}-${sizeBytes - 1}`]
  const parts = ranges.map(async (CopySourceRange, index) => {
    const { CopyPartResult } = await scratch.client.send(
      new UploadPartCopyCommand({
        Bucket: scratch.bucket,
        Key: upload.key,
        UploadId: upload.id,
        PartNumber: index + 1,
        CopySource: sourceOf(scratch, from),
        CopySourceRange,
        CopySourceIfMatch: ifMatch ?? etag,
      }),
    )
    return { PartNumber: index + 1, ...(CopyPartResult?.ETag && { ETag: CopyPartResult.ETag }) }
  })
  await upload.complete(await Promise.all(parts))
  return upload.key
}

const refusalFinding = (copying: Promise<unknown>): Promise<Finding> =>
  copying.then(
    () => missing('a different ETag is accepted'),
    (error) => (httpStatusOf(error) === 412 ? ok() : differs(briefly(error))),
  )

function headersFinding({
  Metadata,
  ContentType,
  CacheControl,
}: {
  Metadata?: Record<string, string> | undefined
  ContentType?: string | undefined
  CacheControl?: string | undefined
}): Finding {
  const kept = Metadata?.probe === 'copied' && ContentType === newHeaders.ContentType && CacheControl === newHeaders.CacheControl
  return kept ? ok() : differs(`metadata ${JSON.stringify(Metadata)}, type ${ContentType}, cache ${CacheControl}`)
}
