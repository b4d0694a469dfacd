import { parseArgs } from 'node:util'
import { databaseSettings, databaseVariables, type Environment, errorLine, readConfig } from '@airlock/config'
import { type OperatorNote, openDatabase } from '@airlock/database'
import { type Command, type CommandIo, UsageError } from '../../command.ts'
import { noteHelp, noteOptions, operatorNote } from '../../operator.ts'
import { clientFor, nameOf, readTarget, type TargetFlags, targetOptions, targetUsage } from '../probe/s3-target.ts'
import { type BucketContext, type Line, type Setting, settle } from './setting.ts'
import { bucketItself } from './settings/bucket-itself.ts'
import { cors } from './settings/cors.ts'
import { defaultEncryption } from './settings/encryption.ts'
import { incompleteUploads, oldVersions } from './settings/lifecycle.ts'
import { noCustomerKeys } from './settings/no-customer-keys.ts'
import { publicAccess } from './settings/public-access.ts'
import { tlsOnly } from './settings/tls-only.ts'

/** The settings of the bucket (docs/bucket-setup.md), in the order in which they are applied. */
const settings: readonly Setting[] = [publicAccess, tlsOnly, noCustomerKeys, defaultEncryption, incompleteUploads, oldVersions, cors]

export const bucketCommand: Command = {
  name: 'bucket',
  summary: 'check or set up the bucket: no public access, TLS, encryption, lifecycle, CORS',
  usage: `--check | --apply [--bucket <name>] [--endpoint <url>] [--access-key <id> --secret-key <secret>] [--region <region>]
       [--reason <text>] [--json]

  --check         only compares
  --apply         creates the bucket and sets what differs; existing policies and rules are kept
  --bucket        default: S3_BUCKET_NAME
${targetUsage}
${noteHelp}
  --json          prints one JSON object

The encryption is set according to S3_SSE and S3_KMS_KEY_ID, CORS to CORS_ORIGINS. Manual steps: docs/bucket-setup.md.
What --apply sets is logged if DATABASE_URL is set.
Exit codes: 0 all settings are as they should be, 1 one differs or failed, or could not be logged, 2 invalid arguments.`,
  example: '--check',

  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: {
        ...targetOptions,
        ...noteOptions,
        bucket: { type: 'string' },
        check: { type: 'boolean' },
        apply: { type: 'boolean' },
        json: { type: 'boolean', default: false },
      },
    })
    if (values.check === values.apply) throw new UsageError('Either --check or --apply is required')
    const by = operatorNote(values)
    const context = contextOf(io.env, values)
    try {
      const { bucket, target } = context
      io.err(`Bucket ${bucket} on ${nameOf(target)}`)
      const lines = await settleAll(context, { apply: values.apply === true })
      io.out(values.json ? JSON.stringify({ bucket, store: nameOf(target), settings: lines }, null, 2) : asText(lines))
      const changed = lines.filter(({ outcome }) => outcome === 'set').map(({ setting }) => setting)
      const isLogged = changed.length === 0 || (await logChange({ bucket, changed }, by, io))
      return isLogged && !lines.some(({ outcome }) => outcome === 'differs' || outcome === 'failed') ? 0 : 1
    } finally {
      context.client.destroy()
    }
  },
}

/** The bucket may be set up before there is a database. @returns false if a row should have been written, and was not */
async function logChange(
  details: { bucket: string; changed: readonly string[] },
  by: OperatorNote,
  { env, err }: CommandIo,
): Promise<boolean> {
  if (!env.DATABASE_URL) {
    err('The change was not logged: DATABASE_URL is not set.')
    return true
  }
  const database = await openDatabase({
    ...databaseSettings(readConfig(env, databaseVariables)),
    applicationName: 'airlock-ops',
    log: silent,
  })
  try {
    await database.opsLog.write({ ...by, action: 'apply', details })
    return true
  } catch (error) {
    err(`The bucket was set up, but the log of operators could not be written: ${errorLine(error)}`)
    return false
  } finally {
    await database.close()
  }
}

const silent = { info: () => {}, warn: () => {} }

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
    'CORS_ORIGINS',
  ])
  const client = clientFor(target, 'WHEN_REQUIRED')
  const { S3_BUCKET_NAME: bucketName, S3_SSE: encryption, S3_KMS_KEY_ID: kmsKeyId, CORS_ORIGINS: corsOrigins } = config
  return { client, bucket: bucketName, target, encryption, kmsKeyId, corsOrigins }
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
