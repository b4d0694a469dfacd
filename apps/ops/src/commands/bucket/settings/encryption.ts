import { GetBucketEncryptionCommand, PutBucketEncryptionCommand, type ServerSideEncryptionByDefault } from '@aws-sdk/client-s3'
import { type BucketContext, orNull, type Setting, type State } from '../setting.ts'

/** Airlock requests encryption for each object; the bucket's default applies to objects of other writers. */
export const defaultEncryption: Setting = {
  name: 'default encryption',
  read: async (context) => {
    if (context.encryption === 'none') return { is: 'ok', remark: 'S3_SSE=none: not required' }
    const { client, bucket: Bucket } = context
    const answer = await orNull(client.send(new GetBucketEncryptionCommand({ Bucket })), 'ServerSideEncryptionConfigurationNotFoundError')
    return stateOf(context, answer?.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault)
  },
}

function stateOf(context: BucketContext, found: ServerSideEncryptionByDefault | undefined): State {
  const { encryption, kmsKeyId } = context
  const algorithm = found?.SSEAlgorithm
  // every kind of KMS satisfies AES256
  if (encryption === 'AES256' && algorithm !== undefined) return { is: 'ok', remark: algorithm }
  if (algorithm?.startsWith('aws:kms')) {
    const key = found?.KMSMasterKeyID ?? "the account's own key"
    if (kmsKeyId === null || key.endsWith(kmsKeyId)) return { is: 'ok', remark: `${algorithm}, ${key}` }
    return { is: 'differs', remark: `${algorithm} with ${key}; it is left unchanged: change it manually`, change: null }
  }
  return { is: 'differs', remark: algorithm ?? 'none', change: () => setDefault(context) }
}

async function setDefault({ client, bucket: Bucket, encryption, kmsKeyId }: BucketContext): Promise<void> {
  const isKms = encryption === 'aws:kms'
  const byDefault = {
    SSEAlgorithm: isKms ? ('aws:kms' as const) : ('AES256' as const),
    ...(isKms && kmsKeyId && { KMSMasterKeyID: kmsKeyId }),
  }
  const rule = { ApplyServerSideEncryptionByDefault: byDefault, ...(isKms && { BucketKeyEnabled: true }) }
  await client.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules: [rule] } }))
}
