import { CopyObjectCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3'
import { type Check, differs, type Finding, missing, ok } from '../check.ts'
import type { Ground } from '../ground.ts'
import { inShort, statusOf } from '../s3-target.ts'
import { encryptionFinding } from './writing.ts'

const otherEtag = '"00000000000000000000000000000000"'
const throughUs = 'set S3_SERVER_SIDE_COPY=false: Airlock reads each byte pinned and writes it again'
const newHeaders = { Metadata: { probe: 'copied' }, ContentType: 'image/webp', CacheControl: 'no-cache' } as const

export const copyingChecks: readonly Check[] = [
  {
    capability: 'copy an object, with new headers',
    without: throughUs,
    try: async (ground) => {
      const key = await copied(ground, 'copied')
      return headersFinding(await ground.head(key))
    },
  },
  {
    capability: 'CopySourceIfMatch on a copy',
    without: throughUs,
    try: async (ground) => refusalFinding(copied(ground, 'copied-if-match', { CopySourceIfMatch: otherEtag })),
  },
  {
    capability: 'encryption (SSE-S3) on a copy',
    without: 'set S3_SSE=none, and encrypt the disks',
    try: async (ground) => {
      const key = await copied(ground, 'copied-sse', { ServerSideEncryption: 'AES256' })
      return encryptionFinding((await ground.head(key)).ServerSideEncryption)
    },
  },
  {
    capability: 'copy in parts, with new headers',
    without: throughUs,
    try: async (ground) => {
      const key = await copiedInParts(ground, 'in-parts')
      const { sizeBytes } = await ground.large()
      const found = await ground.head(key)
      return found.ContentLength === sizeBytes ? headersFinding(found) : missing(`${found.ContentLength} bytes arrived of ${sizeBytes}`)
    },
  },
  {
    capability: 'CopySourceIfMatch on a copy in parts',
    without: throughUs,
    try: async (ground) => refusalFinding(copiedInParts(ground, 'in-parts-if-match', { ifMatch: otherEtag })),
  },
  {
    capability: 'encryption (SSE-S3) on a copy in parts',
    without: 'set S3_SSE=none, and encrypt the disks',
    try: async (ground) => {
      const key = await copiedInParts(ground, 'in-parts-sse', { encrypted: true })
      return encryptionFinding((await ground.head(key)).ServerSideEncryption)
    },
  },
]

const sourceOf = ({ bucket }: Ground, key: string): string => `${bucket}/${key}`

async function copied(
  ground: Ground,
  name: string,
  more: { CopySourceIfMatch?: string; ServerSideEncryption?: 'AES256' } = {},
): Promise<string> {
  const { key: from, etag } = await ground.put(`${name}-source`, 'copy me', { Metadata: { probe: 'source' } })
  const Key = ground.key(name)
  await ground.client.send(
    new CopyObjectCommand({
      Bucket: ground.bucket,
      Key,
      CopySource: sourceOf(ground, from),
      CopySourceIfMatch: etag,
      MetadataDirective: 'REPLACE',
      ...newHeaders,
      ...more,
    }),
  )
  return Key
}

async function copiedInParts(
  ground: Ground,
  name: string,
  { ifMatch, encrypted = false }: { ifMatch?: string; encrypted?: boolean } = {},
): Promise<string> {
  const { key: from, etag, sizeBytes } = await ground.large()
  const upload = await ground.begin(name, { ...newHeaders, ...(encrypted && { ServerSideEncryption: 'AES256' }) })
  const middle = 5 * 1024 * 1024
  const ranges = [`bytes=0-${middle - 1}`, `bytes=${middle}-${sizeBytes - 1}`]
  const parts = ranges.map(async (CopySourceRange, index) => {
    const { CopyPartResult } = await ground.client.send(
      new UploadPartCopyCommand({
        Bucket: ground.bucket,
        Key: upload.key,
        UploadId: upload.id,
        PartNumber: index + 1,
        CopySource: sourceOf(ground, from),
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
    () => missing('another ETag is let pass'),
    (error) => (statusOf(error) === 412 ? ok() : differs(inShort(error))),
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
