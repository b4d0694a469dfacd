import { parseArgs } from 'node:util'
import { type Environment, readConfig } from '@airlock/config'
import { type Command, UsageError } from '../../command.ts'
import { clientFor, nameOf, readTarget, type TargetFlags, targetOptions, targetUsage } from '../probe/s3-target.ts'
import { type BucketContext, type Line, type Setting, settle } from './setting.ts'
import { bucketItself } from './settings/bucket-itself.ts'
import { defaultEncryption } from './settings/encryption.ts'
import { incompleteUploads } from './settings/lifecycle.ts'
import { noCustomerKeys } from './settings/no-customer-keys.ts'
import { publicAccess } from './settings/public-access.ts'
import { tlsOnly } from './settings/tls-only.ts'

/** The settings of the bucket (docs/bucket-setup.md), in the order in which they are applied. */
const settings: readonly Setting[] = [publicAccess, tlsOnly, noCustomerKeys, defaultEncryption, incompleteUploads]

export const bucketCommand: Command = {
  name: 'bucket',
  summary: 'check or set up the bucket: no public access, TLS, encryption, lifecycle',
  usage: `--check | --apply [--bucket <name>] [--endpoint <url>] [--access-key <id> --secret-key <secret>] [--region <region>]

  --check         only compares; exit code 1 if a setting differs
  --apply         creates the bucket and sets what differs; existing policies and rules are kept
  --bucket        default: S3_BUCKET_NAME
${targetUsage}

The encryption is set according to S3_SSE and S3_KMS_KEY_ID. Manual steps: docs/bucket-setup.md.`,
  example: '--check',

  async run(args, { env, out, err }) {
    const { values } = parseArgs({
      args,
      options: { ...targetOptions, bucket: { type: 'string' }, check: { type: 'boolean' }, apply: { type: 'boolean' } },
    })
    if (values.check === values.apply) throw new UsageError('Either --check or --apply is required')
    const context = contextOf(env, values)
    try {
      err(`Bucket ${context.bucket} on ${nameOf(context.target)}`)
      const lines = await settleAll(context, { apply: values.apply === true })
      out(asText(lines))
      return lines.some(({ outcome }) => outcome === 'differs' || outcome === 'failed') ? 1 : 0
    } finally {
      context.client.destroy()
    }
  },
}

/** Compares the settings of the bucket of the environment, without changes. */
export async function checkBucket(env: Environment): Promise<Line[]> {
  const context = contextOf(env, {})
  try {
    return await settleAll(context, { apply: false })
  } finally {
    context.client.destroy()
  }
}

function contextOf(env: Environment, { bucket, ...flags }: TargetFlags & { bucket?: string | undefined }): BucketContext {
  const target = readTarget(env, flags)
  const config = readConfig({ ...env, ...(bucket !== undefined && { S3_BUCKET_NAME: bucket }) }, [
    'S3_BUCKET_NAME',
    'S3_SSE',
    'S3_KMS_KEY_ID',
  ])
  const client = clientFor(target, 'WHEN_REQUIRED')
  return { client, bucket: config.S3_BUCKET_NAME, target, encryption: config.S3_SSE, kmsKeyId: config.S3_KMS_KEY_ID }
}

/** Sequential, since some stores answer 409 to concurrent changes of a bucket. */
async function settleAll(context: BucketContext, options: { apply: boolean }): Promise<Line[]> {
  const bucket = await settle(bucketItself, context, options)
  if (bucket.outcome !== 'ok' && bucket.outcome !== 'set') return [bucket]
  const lines = [bucket]
  for (const setting of settings) lines.push(await settle(setting, context, options))
  return lines
}

function asText(lines: readonly Line[]): string {
  const width = Math.max(...lines.map(({ setting }) => setting.length))
  const outcomeWidth = Math.max(...lines.map(({ outcome }) => outcome.length))
  return lines
    .map(({ setting, outcome, remark }) => `${setting.padEnd(width)}  ${outcome.padEnd(outcomeWidth)}  ${remark}`.trimEnd())
    .join('\n')
}
