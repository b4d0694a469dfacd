import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetPublicAccessBlockCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3'
import { type Check, missing, ok, skipped } from '../check.ts'
import type { ScratchBucket } from '../scratch-bucket.ts'

const blockAll = { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true }

/** Checks a setting of the bucket, if the bucket is temporary. */
const onOwnBucket =
  (change: (scratch: ScratchBucket) => Promise<boolean>): Check['try'] =>
  async (scratch) => {
    if (!scratch.ownsBucket) return skipped('the bucket is not temporary, so its settings are not changed')
    return (await change(scratch)) ? ok() : missing('the setting is accepted, but not kept')
  }

export const settingChecks: readonly Check[] = [
  {
    capability: 'lifecycle rules for incomplete uploads',
    without: 'only the sweeper aborts multipart uploads that were left open',
    try: onOwnBucket(async ({ client, bucket: Bucket }) => {
      const rule = {
        ID: 'probe',
        Status: 'Enabled' as const,
        Filter: { Prefix: 'quarantine/' },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 },
      }
      await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [rule] } }))
      const { Rules = [] } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))
      return Rules[0]?.AbortIncompleteMultipartUpload?.DaysAfterInitiation === 2 && Rules[0]?.Filter?.Prefix === 'quarantine/'
    }),
  },
  {
    capability: 'default encryption of a bucket',
    without: 'Airlock requests encryption for each object',
    try: onOwnBucket(async ({ client, bucket: Bucket }) => {
      const byDefault = { SSEAlgorithm: 'AES256' as const }
      const configuration = { Rules: [{ ApplyServerSideEncryptionByDefault: byDefault }] }
      await client.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: configuration }))
      const { ServerSideEncryptionConfiguration } = await client.send(new GetBucketEncryptionCommand({ Bucket }))
      return ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm === 'AES256'
    }),
  },
  {
    capability: 'bucket policies',
    without: 'TLS must be enforced in front of the store',
    try: onOwnBucket(async ({ client, bucket: Bucket }) => {
      const statement = {
        Sid: 'Probe',
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:*',
        Resource: [`arn:aws:s3:::${Bucket}/denied/*`],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }
      await client.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }) }))
      const { Policy = '' } = await client.send(new GetBucketPolicyCommand({ Bucket }))
      return Policy.includes('aws:SecureTransport')
    }),
  },
  {
    capability: 'block public access',
    without: "public access must be blocked by the store's policies",
    try: onOwnBucket(async ({ client, bucket: Bucket }) => {
      await client.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: blockAll }))
      const { PublicAccessBlockConfiguration } = await client.send(new GetPublicAccessBlockCommand({ Bucket }))
      return PublicAccessBlockConfiguration?.BlockPublicPolicy === true
    }),
  },
]
