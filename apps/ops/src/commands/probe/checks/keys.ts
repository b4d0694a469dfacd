import { CopyObjectCommand, GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { type Check, differs, missing, ok } from '../check.ts'

const oddKeys = [
  { what: 'spaces', name: 'key two words' },
  { what: '+', name: 'key a+b' },
  { what: '%', name: 'key 100%20 %' },
  { what: 'emoji and accents', name: 'key 👍🏽 é 写' },
]

/** Airlock's own keys contain only letters, digits, `.`, `_`, `-` and `/`. */
export const keyChecks: readonly Check[] = oddKeys.map(({ what, name }) => ({
  capability: `keys with ${what}`,
  without: "no effect: Airlock's keys contain none",
  try: async ({ client, bucket, put, key }) => {
    const { key: Key } = await put(name, name)
    const listed = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: Key }))
    if (listed.Contents?.[0]?.Key !== Key) return missing(`listed as '${listed.Contents?.[0]?.Key}'`)
    const url = await getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key }), { expiresIn: 60 })
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) })
    if ((await response.text()) !== name) return differs(`a presigned URL answers ${response.status}`)
    const CopySource = `${bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`
    await client.send(new CopyObjectCommand({ Bucket: bucket, Key: key(`${name} copy`), CopySource }))
    return ok()
  },
}))
