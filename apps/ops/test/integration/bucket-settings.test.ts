import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type BucketContext, type Setting, settle } from '../../src/commands/bucket/setting.ts'
import { cors } from '../../src/commands/bucket/settings/cors.ts'
import { defaultEncryption } from '../../src/commands/bucket/settings/encryption.ts'
import { incompleteUploads, oldVersions } from '../../src/commands/bucket/settings/lifecycle.ts'
import { noCustomerKeys } from '../../src/commands/bucket/settings/no-customer-keys.ts'
import { publicAccess } from '../../src/commands/bucket/settings/public-access.ts'
import { tlsOnly } from '../../src/commands/bucket/settings/tls-only.ts'
import { bucketSettings } from '../../src/commands/doctor/storage.ts'
import { clientFor } from '../../src/commands/probe/s3-target.ts'
import { type SettingsStore, settingsStore } from './settings-store.ts'

let store: SettingsStore
let context: BucketContext

beforeEach(async () => {
  store = await settingsStore()
  const target = {
    endpoint: store.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'a', secretAccessKey: 's' },
  }
  context = {
    client: clientFor(target, 'WHEN_REQUIRED'),
    bucket: 'zapcut-dev',
    // The store of this test speaks plain HTTP, but stands for one that is reached over TLS.
    target: { ...target, endpoint: null },
    encryption: 'AES256',
    kmsKeyId: null,
    corsOrigins: ['https://app.example.com'],
  }
})
afterEach(async () => {
  context.client.destroy()
  await store.stop()
})

const check = (setting: Setting, more: Partial<BucketContext> = {}) => settle(setting, { ...context, ...more }, { apply: false })
const apply = (setting: Setting, more: Partial<BucketContext> = {}) => settle(setting, { ...context, ...more }, { apply: true })

describe.for([
  { setting: publicAccess, name: 'public access', of: 'publicAccessBlock' },
  { setting: tlsOnly, name: 'TLS only', of: 'policy' },
  { setting: noCustomerKeys, name: 'no SSE-C', of: 'policy' },
  { setting: defaultEncryption, name: 'default encryption', of: 'encryption' },
  { setting: incompleteUploads, name: 'incomplete uploads', of: 'lifecycle' },
  { setting: cors, name: 'CORS', of: 'cors' },
])('$name', ({ setting, of }) => {
  test('differs on a new bucket, and checking changes nothing', async () => {
    expect(await check(setting)).toMatchObject({ outcome: 'differs' })
    expect(store.changes).toEqual([])
  })

  test('is set once, and then unchanged', { meta: { id: 'bucket-settings' } }, async () => {
    expect(await apply(setting)).toMatchObject({ outcome: 'set' })
    expect(await check(setting)).toMatchObject({ outcome: 'ok' })
    expect(await apply(setting)).toMatchObject({ outcome: 'ok' })
    expect(store.changes).toEqual([of])
  })

  test('is reported as unsupported if the store does not know it', async () => {
    store.refuse(of, 501, 'NotImplemented')

    expect(await apply(setting)).toMatchObject({ outcome: 'not supported by this store', remark: 'NotImplemented (501)' })
  })

  test('is reported if the store accepts it without keeping it', async () => {
    store.forget(of)

    expect(await apply(setting)).toMatchObject({
      outcome: 'not supported by this store',
      remark: 'it accepts the setting but does not keep it',
    })
  })

  test('is reported as failed without permission', async () => {
    store.refuse(of, 403, 'AccessDenied')

    expect(await check(setting)).toMatchObject({ outcome: 'failed', remark: 'AccessDenied (403)' })
  })
})

test('our two statements coexist, and neither is set on a store that may not support its condition', async () => {
  await apply(tlsOnly)
  await apply(noCustomerKeys)
  const sids = JSON.parse(store.settings.get('policy') ?? '{}').Statement.map(({ Sid }: { Sid: string }) => Sid)
  expect(sids).toEqual(['AirlockTlsOnly', 'AirlockNoCustomerKeys'])
  const target = { ...context.target, endpoint: 'https://s3.example.com' }
  expect(await apply(noCustomerKeys, { target })).toMatchObject({ outcome: 'not supported by this store' })
})

describe('TLS only', () => {
  const theirs = {
    Sid: 'Theirs',
    Effect: 'Allow',
    Principal: { AWS: 'arn:aws:iam::1:role/x' },
    Action: 's3:GetObject',
    Resource: 'arn:aws:s3:::zapcut-dev/*',
  }
  const statements = () => JSON.parse(store.settings.get('policy') ?? '{}').Statement

  test('keeps existing statements', async () => {
    store.settings.set('policy', JSON.stringify({ Version: '2012-10-17', Id: 'P', Statement: theirs }))

    await apply(tlsOnly)

    expect(statements()).toEqual([theirs, expect.objectContaining({ Sid: 'AirlockTlsOnly', Effect: 'Deny' })])
    expect(JSON.parse(store.settings.get('policy') ?? '{}').Id).toBe('P')
  })

  test('replaces an older statement of ours', async () => {
    store.settings.set('policy', JSON.stringify({ Statement: [{ ...theirs, Sid: 'AirlockTlsOnly' }, theirs] }))

    await apply(tlsOnly)

    expect(statements().map(({ Sid, Effect }: { Sid: string; Effect: string }) => `${Sid} ${Effect}`)).toEqual([
      'Theirs Allow',
      'AirlockTlsOnly Deny',
    ])
  })

  const deny = { Effect: 'Deny', Principal: '*', Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }
  const all = ['arn:aws:s3:::zapcut-dev', 'arn:aws:s3:::zapcut-dev/*']
  test.for([
    { what: 'with the same content and another name', statement: { ...deny, Resource: all }, outcome: 'ok' },
    { what: 'for everyone, as a list of AWS principals', statement: { ...deny, Principal: { AWS: ['*'] }, Resource: all }, outcome: 'ok' },
    { what: 'in another partition', statement: { ...deny, Resource: all.map((arn) => arn.replace('aws', 'aws-cn')) }, outcome: 'ok' },
    { what: 'for all buckets', statement: { ...deny, Action: ['*'], Resource: '*' }, outcome: 'ok' },
    { what: 'for the objects only', statement: { ...deny, Resource: 'arn:aws:s3:::zapcut-dev/*' }, outcome: 'differs' },
    { what: 'for reading only', statement: { ...deny, Action: 's3:GetObject', Resource: all }, outcome: 'differs' },
    { what: 'for one role only', statement: { ...deny, Principal: { AWS: 'arn:aws:iam::1:role/x' }, Resource: all }, outcome: 'differs' },
    {
      what: 'with one more condition',
      statement: { ...deny, Resource: all, Condition: { ...deny.Condition, IpAddress: {} } },
      outcome: 'differs',
    },
    { what: 'that allows instead of denying', statement: { ...deny, Effect: 'Allow', Resource: all }, outcome: 'differs' },
  ])('a statement $what: $outcome', async ({ statement, outcome }) => {
    store.settings.set('policy', JSON.stringify({ Statement: [statement] }))

    expect(await check(tlsOnly)).toMatchObject({ outcome })
  })

  test("is first tried on unused keys if the store is not Amazon's", async () => {
    const line = await apply(tlsOnly, { target: { ...context.target, endpoint: 'https://s3.example.com' } })

    expect(line).toMatchObject({ outcome: 'set' })
    expect(store.changes).toEqual(['policy', 'policy'])
  })

  test('is not set if we use plain HTTP, because it would lock us out', async () => {
    expect(await apply(tlsOnly, { target: { ...context.target, endpoint: 'http://seaweedfs:8333' } })).toMatchObject({
      outcome: 'not supported by this store',
    })
    expect(store.changes).toEqual([])
  })
})

describe('default encryption', () => {
  const byDefault = (algorithm: string, key?: string) =>
    store.settings.set(
      'encryption',
      `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>${algorithm}</SSEAlgorithm>${
        key === undefined ? '' : `<KMSMasterKeyID>${key}</KMSMasterKeyID>`
      }</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`,
    )

  test.for([
    { wanted: 'AES256', kmsKeyId: null, found: 'aws:kms', key: 'k1', outcome: 'ok' },
    { wanted: 'aws:kms', kmsKeyId: 'k1', found: 'aws:kms', key: 'arn:aws:kms:eu:1:key/k1', outcome: 'ok' },
    { wanted: 'aws:kms', kmsKeyId: null, found: 'aws:kms', key: undefined, outcome: 'ok' },
    { wanted: 'aws:kms', kmsKeyId: 'k1', found: 'AES256', key: undefined, outcome: 'set' },
    { wanted: 'aws:kms', kmsKeyId: 'k1', found: 'aws:kms', key: 'k2', outcome: 'differs' },
    { wanted: 'aws:kms', kmsKeyId: 'k1', found: 'aws:kms', key: undefined, outcome: 'differs' },
  ] as const)('$wanted wanted, $found with $key found: $outcome', async ({ wanted, kmsKeyId, found, key, outcome }) => {
    byDefault(found, key)

    expect(await apply(defaultEncryption, { encryption: wanted, kmsKeyId })).toMatchObject({ outcome })
    expect(store.changes).toHaveLength(outcome === 'set' ? 1 : 0)
  })

  test('is not checked if none is configured', async () => {
    expect(await apply(defaultEncryption, { encryption: 'none' })).toMatchObject({ outcome: 'ok', remark: 'S3_SSE=none: not required' })
    expect(store.changes).toEqual([])
  })
})

describe('incomplete uploads', () => {
  const rule = (id: string, inside: string, status = 'Enabled') => `<Rule><ID>${id}</ID><Status>${status}</Status>${inside}</Rule>`
  const prefix = (value: string) => `<Filter><Prefix>${value}</Prefix></Filter>`
  const aborting = (days: number) =>
    `<AbortIncompleteMultipartUpload><DaysAfterInitiation>${days}</DaysAfterInitiation></AbortIncompleteMultipartUpload>`
  const expiring = '<Expiration><Days>30</Days></Expiration>'
  const rules = (...all: string[]) => store.settings.set('lifecycle', `<LifecycleConfiguration>${all.join('')}</LifecycleConfiguration>`)

  test('keeps existing rules', async () => {
    rules(rule('logs', prefix('logs/') + expiring), rule('old', prefix('brand-images/') + aborting(7)))

    expect(await apply(incompleteUploads)).toMatchObject({ outcome: 'set', remark: "rule 'airlock-incomplete-uploads' of 3" })

    const kept = store.settings.get('lifecycle') ?? ''
    expect(kept).toContain('<ID>logs</ID>')
    expect(kept).toContain('<ID>old</ID>')
    expect(kept).toContain('<Days>30</Days>')
  })

  test.for([
    { what: 'for the whole bucket', made: () => rule('x', prefix('') + aborting(1)), outcome: 'ok' },
    { what: 'in the deprecated form', made: () => rule('x', `<Prefix>quarantine/</Prefix>${aborting(2)}`), outcome: 'ok' },
    { what: 'with a longer delay', made: () => rule('x', prefix('quarantine/') + aborting(7)), outcome: 'differs' },
    { what: 'for a part of the quarantine', made: () => rule('x', prefix('quarantine/a') + aborting(1)), outcome: 'differs' },
    { what: 'that is disabled', made: () => rule('x', prefix('quarantine/') + aborting(1), 'Disabled'), outcome: 'differs' },
    {
      what: 'for tagged objects only',
      made: () => rule('x', `<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>${aborting(1)}`),
      outcome: 'differs',
    },
  ])('a rule $what: $outcome', async ({ made, outcome }) => {
    rules(made())

    expect(await check(incompleteUploads)).toMatchObject({ outcome })
  })

  test('a rule that would delete parked uploads is reported and not changed', async () => {
    rules(rule('tidy', prefix('') + expiring))

    expect(await apply(incompleteUploads)).toMatchObject({
      outcome: 'differs',
      remark: expect.stringContaining("rule 'tidy' expires objects"),
    })
    expect(store.changes).toEqual([])
  })

  test('an older rule of ours is corrected', async () => {
    rules(rule('airlock-incomplete-uploads', prefix('quarantine/') + aborting(30)))

    expect(await apply(incompleteUploads)).toMatchObject({ outcome: 'set' })
    expect(store.settings.get('lifecycle')?.match(/<ID>/g)).toHaveLength(1)
  })
})

test('versioning is a difference only if old versions in quarantine are kept', async () => {
  const versioning = (status: string) => store.settings.set('versioning', `<VersioningConfiguration>${status}</VersioningConfiguration>`)
  const rule = (prefix: string) =>
    store.settings.set(
      'lifecycle',
      `<LifecycleConfiguration><Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix>${prefix}</Prefix></Filter>
        <NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>`,
    )
  versioning('')
  expect(await check(oldVersions)).toMatchObject({ outcome: 'ok', remark: 'not enabled' })
  versioning('<Status>Enabled</Status>')
  expect(await check(oldVersions)).toMatchObject({ outcome: 'differs' })
  rule('brand-images/')
  expect(await apply(oldVersions)).toMatchObject({ outcome: 'differs' })
  expect(store.changes).toEqual([])
  rule('quarantine/')
  expect(await check(oldVersions)).toMatchObject({ outcome: 'ok', remark: "rule 'old'" })
})

test('what a key may not read is reported as failed', async () => {
  store.refuse('versioning', 403, 'AccessDenied')
  expect(await check(oldVersions)).toMatchObject({ outcome: 'failed', remark: 'AccessDenied (403)' })
})

test('doctor does not judge what its key may not read', async () => {
  for (const setting of ['publicAccessBlock', 'encryption', 'lifecycle', 'versioning']) store.refuse(setting, 403, 'AccessDenied')
  const env = { S3_ENDPOINT: store.endpoint, S3_FORCE_PATH_STYLE: 'true', S3_BUCKET_NAME: 'zapcut-dev' }
  expect(await bucketSettings({ ...env, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's' })).toMatchObject([
    { result: 'unknown', detail: expect.stringMatching(/^not permitted to read: block public access, default encryption, lifecycle/) },
  ])
})

test('CORS is needed for each origin, keeps other rules, and replaces its own', async () => {
  const foreign =
    '<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>'
  store.settings.set('cors', foreign)
  expect(await apply(cors)).toMatchObject({ outcome: 'set' })
  const corsOrigins = ['https://app.example.com', 'https://other.example.com']
  expect(await check(cors, { corsOrigins })).toMatchObject({ outcome: 'differs', remark: 'not for https://other.example.com' })
  expect(await apply(cors, { corsOrigins })).toMatchObject({ outcome: 'set' })
  expect(store.settings.get('cors')?.match(/<CORSRule>/g)).toHaveLength(2)
  expect(store.settings.get('cors')).toContain('<AllowedMethod>GET</AllowedMethod>')
  expect(await check(cors, { corsOrigins: [] })).toMatchObject({ outcome: 'ok' })
})
