import { GetBucketPolicyCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { orNull, type Setting } from '../setting.ts'
import { parsePolicy } from './tls-only.ts'

const statementId = 'AirlockNoCustomerKeys'

/** The prefixes under which the gateway, the worker and pipelines write. */
const prefixes = ['quarantine/', 'pipeline-inbox/', 'brand-images/', 'generated-videos/', 'lora-training/']

const statementFor = (bucket: string) => ({
  Sid: statementId,
  Effect: 'Deny',
  Principal: '*',
  Action: 's3:PutObject',
  Resource: prefixes.map((prefix) => `arn:aws:s3:::${bucket}/${prefix}*`),
  Condition: { Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'false' } },
})

/**
 * Denies objects that are encrypted with a key of their sender (SSE-C), which the worker could not read. Only on Amazon S3: a store that does
 * not support the condition might refuse every upload.
 */
export const noCustomerKeys: Setting = {
  name: 'no SSE-C (bucket policy)',
  read: async ({ client, bucket, target }) => {
    if (target.endpoint !== null) return { is: 'not supported by this store', remark: 'only set on Amazon S3' }
    const answer = await orNull(client.send(new GetBucketPolicyCommand({ Bucket: bucket })), 'NoSuchBucketPolicy')
    const policy = parsePolicy(answer?.Policy)
    const wanted = statementFor(bucket)
    const ours = policy.Statement.find(({ Sid }) => Sid === statementId)
    if (JSON.stringify(ours) === JSON.stringify(wanted)) return { is: 'ok', remark: '' }
    return {
      is: 'differs',
      remark: "objects with a customer's key are accepted",
      change: async () => {
        const others = policy.Statement.filter(({ Sid }) => Sid !== statementId)
        const Policy = JSON.stringify({ ...policy, Statement: [...others, wanted] })
        await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }))
      },
    }
  },
}
