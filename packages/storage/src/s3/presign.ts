import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { PresignOptions } from '../object-store.ts'
import { asStoreError } from './answers.ts'
import { contentDisposition } from './content-disposition.ts'

/** A week, the most that Signature Version 4 allows. */
const maxSeconds = 604_800

/** See `ObjectStore.presign`. */
export async function presign(
  presigner: S3Client,
  bucket: string,
  key: string,
  { expiresInSeconds, disposition, filename }: PresignOptions,
): Promise<{ url: string; expiresAt: Date }> {
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > maxSeconds) {
    throw new RangeError(`expiresInSeconds is ${expiresInSeconds}: a whole number from 1 to ${maxSeconds}`)
  }
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ...((disposition ?? filename) !== undefined && {
      ResponseContentDisposition: contentDisposition(disposition ?? 'attachment', filename),
    }),
  })
  // Whole seconds, as the URL has them: the time that we tell must not be later than the one that the store reckons with.
  const signingDate = new Date(Math.floor(Date.now() / 1000) * 1000)
  const { url, expiration } = await signed(presigner, command, { expiresIn: expiresInSeconds, signingDate }).catch((error: unknown) => {
    throw asStoreError(error, { operation: 'presign', key, timeoutMs: 0, timedOut: false })
  })
  const asked = new Date(signingDate.getTime() + expiresInSeconds * 1000)
  return { url, expiresAt: expiration !== undefined && expiration < asked ? expiration : asked }
}

/** Signing needs no store, but credentials, which may have to be fetched. */
async function signed(presigner: S3Client, command: GetObjectCommand, options: { expiresIn: number; signingDate: Date }) {
  const { expiration } = await presigner.config.credentials()
  return { url: await getSignedUrl(presigner, command, options), expiration }
}
