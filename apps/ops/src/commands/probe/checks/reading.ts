import { GetObjectCommand } from '@aws-sdk/client-s3'
import { type Check, differs, missing, ok } from '../check.ts'
import { briefly, httpStatusOf } from '../s3-target.ts'

export const readingChecks: readonly Check[] = [
  {
    capability: 'ranged GET',
    without: null,
    try: async ({ client, bucket, put }) => {
      const { key } = await put('range', '0123456789')
      const { Body, ContentRange } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: 'bytes=2-4' }))
      const text = await Body?.transformToString()
      if (text !== '234') return missing(`returns '${text}'`)
      return ContentRange === 'bytes 2-4/10' ? ok() : differs(`Content-Range: ${ContentRange}`)
    },
  },
  {
    capability: 'ranged GET with If-Match',
    without: 'Airlock compares the ETag of each response',
    try: async ({ client, bucket, put }) => {
      const { key, etag } = await put('if-match', '0123456789')
      const get = (IfMatch: string) => client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: 'bytes=2-4', IfMatch }))
      if ((await (await get(etag)).Body?.transformToString()) !== '234') return missing('returns other bytes')
      return get('"00000000000000000000000000000000"').then(
        async ({ Body }) => {
          await Body?.transformToString()
          return missing('a different ETag is accepted')
        },
        (error) => (httpStatusOf(error) === 412 ? ok() : differs(briefly(error))),
      )
    },
  },
]
