import { sleep } from '@airlock/async'
import { GetObjectCommand, type GetObjectCommandInput } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { type Check, differs, missing, ok } from '../check.ts'
import type { ScratchBucket } from '../scratch-bucket.ts'

const timeoutMs = 10_000

const fetched = (url: string | URL): Promise<Response> => fetch(url, { signal: AbortSignal.timeout(timeoutMs) })

async function signed({ client, bucket, put }: ScratchBucket, name: string, expiresIn: number, more: Partial<GetObjectCommandInput> = {}) {
  const { key } = await put(name, 'for the holder of the URL')
  return getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: key, ...more }), { expiresIn })
}

export const presigningChecks: readonly Check[] = [
  {
    capability: 'presigned GET',
    without: null,
    try: async (scratch) => {
      const response = await fetched(await signed(scratch, 'presigned', 60))
      const text = await response.text()
      return response.ok && text === 'for the holder of the URL' ? ok() : missing(`answers ${response.status}`)
    },
  },
  {
    capability: 'presigned URLs expire (checked with 1 s)',
    without: null,
    try: async (scratch) => {
      const url = await signed(scratch, 'expiring', 1)
      await sleep(2_500)
      const { status } = await fetched(url)
      return status === 403 ? ok() : missing(`answers ${status} after 2.5 s`)
    },
  },
  {
    capability: 'tampered presigned URLs are refused',
    without: null,
    try: async (scratch) => {
      const url = new URL(await signed(scratch, 'tampered', 60))
      url.searchParams.set('X-Amz-Expires', '600')
      const longer = await fetched(url)
      const other = new URL(await signed(scratch, 'tampered-key', 60))
      other.pathname = other.pathname.replace('tampered-key', 'tampered')
      const elsewhere = await fetched(other)
      if (longer.status === 403 && elsewhere.status === 403) return ok()
      return missing(`a longer validity answers ${longer.status}, another key ${elsewhere.status}`)
    },
  },
  {
    capability: 'response overrides in presigned URLs',
    without: 'downloads are named after their key',
    try: async (scratch) => {
      const wanted = `attachment; filename="a.png"; filename*=UTF-8''%C3%A4.png`
      const response = await fetched(await signed(scratch, 'overrides', 60, { ResponseContentDisposition: wanted }))
      const header = response.headers.get('content-disposition')
      return header === wanted ? ok() : header === null ? missing('they are ignored') : differs(header)
    },
  },
]
