import { DeleteBucketPolicyCommand, GetBucketPolicyCommand, HeadObjectCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { httpStatusOf } from '../../probe/s3-target.ts'
import { type BucketContext, orNull, type Setting } from '../setting.ts'

const statementId = 'AirlockTlsOnly'

/** A statement of a bucket policy, with the fields that are compared. */
interface Statement {
  Sid?: string
  Effect?: string
  Principal?: unknown
  Action?: string | string[]
  Resource?: string | string[]
  Condition?: Record<string, Record<string, unknown>>
  [other: string]: unknown
}

interface Policy {
  Version?: string
  Statement: Statement[]
  [other: string]: unknown
}

/** Presigned URLs grant access to an object, so they must not be sent unencrypted. */
export const tlsOnly: Setting = {
  name: 'TLS only (bucket policy)',
  read: async (context) => {
    const { client, bucket, target } = context
    if (target.endpoint?.startsWith('http:')) {
      return { is: 'not supported by this store', remark: 'the endpoint uses http: the policy would deny our own requests' }
    }
    const answer = await orNull(client.send(new GetBucketPolicyCommand({ Bucket: bucket })), 'NoSuchBucketPolicy')
    const policy = parsePolicy(answer?.Policy)
    if (policy.Statement.some((statement) => deniesPlainHttp(statement, bucket))) return { is: 'ok', remark: '' }
    return {
      is: 'differs',
      remark: policy.Statement.length === 0 ? 'no policy' : `not among the ${policy.Statement.length} statements of the policy`,
      change: () => addStatement(context, policy),
    }
  },
}

export function parsePolicy(text: string | undefined): Policy {
  if (text === undefined || text === '') return { Version: '2012-10-17', Statement: [] }
  const policy = JSON.parse(text) as Omit<Policy, 'Statement'> & { Statement?: Statement | Statement[] }
  return { ...policy, Statement: list(policy.Statement) }
}

const list = <T>(value: T | T[] | undefined): T[] => (value === undefined ? [] : Array.isArray(value) ? value : [value])

const arnOf = (bucket: string): string => `arn:aws:s3:::${bucket}`

function deniesPlainHttp({ Effect, Principal, Action, Resource, Condition, ...others }: Statement, bucket: string): boolean {
  const resources = list(Resource).map((resource) => resource.replace(/^arn:aws[\w-]*:/, 'arn:aws:'))
  const coversAll = [arnOf(bucket), `${arnOf(bucket)}/*`].every((arn) => resources.includes(arn) || resources.includes('*'))
  const everyone = Principal === '*' || list((Principal as { AWS?: string | string[] } | undefined)?.AWS).includes('*')
  const everything = list(Action).some((action) => action === 's3:*' || action === '*')
  const plain = list(Condition?.Bool?.['aws:SecureTransport']).map(String).join() === 'false'
  const narrowed = Object.keys(Condition ?? {}).length !== 1 || Object.keys(Condition?.Bool ?? {}).length !== 1 || 'NotPrincipal' in others
  return Effect === 'Deny' && coversAll && everyone && everything && plain && !narrowed
}

const statementFor = (resources: string[]): Statement => ({
  Sid: statementId,
  Effect: 'Deny',
  Principal: '*',
  Action: 's3:*',
  Resource: resources,
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
})

const trialPrefix = 'airlock-tls-trial'

/**
 * Adds the statement to the policy. If the store is not Amazon S3, a proxy may terminate TLS before the store; the statement would then deny
 * all requests, including the one that removes it. So it is first tried on a prefix that is not in use.
 */
async function addStatement(context: BucketContext, policy: Policy): Promise<void> {
  const { bucket, target } = context
  const others = policy.Statement.filter(({ Sid }) => Sid !== statementId)
  const put = (statements: Statement[]) => putPolicy(context, { ...policy, Statement: statements })
  if (target.endpoint !== null) {
    await put([...others, statementFor([`${arnOf(bucket)}/${trialPrefix}/*`])])
    if (await isDenied(context)) {
      await put(policy.Statement)
      throw new Error('the store does not see the TLS of the connection, perhaps a proxy terminates it: enforce TLS there')
    }
  }
  await put([...others, statementFor([arnOf(bucket), `${arnOf(bucket)}/*`])])
}

async function putPolicy({ client, bucket: Bucket }: BucketContext, policy: Policy): Promise<void> {
  if (policy.Statement.length === 0) await client.send(new DeleteBucketPolicyCommand({ Bucket }))
  else await client.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(policy) }))
}

const isDenied = ({ client, bucket }: BucketContext): Promise<boolean> =>
  client.send(new HeadObjectCommand({ Bucket: bucket, Key: `${trialPrefix}/nothing` })).then(
    () => false,
    (error) => httpStatusOf(error) === 403,
  )
