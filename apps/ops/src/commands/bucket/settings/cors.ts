import { type CORSRule, GetBucketCorsCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3'
import { orNull, type Setting } from '../setting.ts'

const ruleId = 'airlock-direct-uploads'

/** How long a browser may cache a preflight, in seconds. */
const preflightSeconds = 600

/** Pages send parts with PUT, and read their ETag. Other headers than those of the signature are refused by the store, so any may be asked for. */
const ruleFor = (origins: readonly string[]): CORSRule => ({
  ID: ruleId,
  AllowedOrigins: [...origins],
  AllowedMethods: ['PUT'],
  AllowedHeaders: ['*'],
  ExposeHeaders: ['ETag'],
  MaxAgeSeconds: preflightSeconds,
})

/** Lets pages of `CORS_ORIGINS` send files to the URLs of direct uploads. Without origins nothing is needed: only browsers ask for it. */
export const cors: Setting = {
  name: 'CORS: pages of CORS_ORIGINS may send direct uploads',
  read: async ({ client, bucket: Bucket, corsOrigins }) => {
    const answer = await orNull(client.send(new GetBucketCorsCommand({ Bucket })), 'NoSuchCORSConfiguration')
    const rules = answer?.CORSRules ?? []
    if (corsOrigins.length === 0) return { is: 'ok', remark: 'CORS_ORIGINS is empty' }
    const missing = corsOrigins.filter((origin) => !rules.some((rule) => allows(rule, origin)))
    if (missing.length === 0) return { is: 'ok', remark: rules.length === 1 ? '' : `${rules.length} rules` }
    return {
      is: 'differs',
      remark: `not for ${missing.join(', ')}`,
      change: async () => {
        const others = rules.filter(({ ID }) => ID !== ruleId)
        const CORSConfiguration = { CORSRules: [...others, ruleFor(corsOrigins)] }
        await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration }))
      },
    }
  },
}

function allows({ AllowedOrigins = [], AllowedMethods = [], AllowedHeaders = [], ExposeHeaders = [] }: CORSRule, origin: string): boolean {
  const exposed = ExposeHeaders.map((name) => name.toLowerCase())
  return (
    (AllowedOrigins.includes(origin) || AllowedOrigins.includes('*')) &&
    AllowedMethods.includes('PUT') &&
    AllowedHeaders.includes('*') &&
    exposed.includes('etag')
  )
}
