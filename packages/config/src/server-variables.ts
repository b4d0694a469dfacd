import { bucketName, oneOf, optional, text, url, variable, wholeNumber, yesOrNo } from './parsers.ts'

const MiB = 1024 * 1024

/** The settings of Postgres, Redis and the object store. */
export const serverVariables = {
  DATABASE_URL: variable({
    about: 'Postgres of this environment; ?sslmode=verify-full enables TLS',
    parse: url('postgres', 'postgresql'),
    example: 'postgres://airlock:airlock@127.0.0.1:5432/airlock',
    secret: true,
  }),
  DATABASE_DIRECT_URL: variable({
    about: 'Postgres without a pooler in between, for migrations and LISTEN; empty = DATABASE_URL',
    parse: optional(url('postgres', 'postgresql')),
    default: '',
    secret: true,
  }),
  DATABASE_POOL_SIZE: variable({ about: 'database connections of one process', parse: wholeNumber(1, 200), default: '10' }),
  DATABASE_STATEMENT_TIMEOUT_MS: variable({ about: 'timeout of one statement', parse: wholeNumber(10, 600_000), default: '5000' }),
  DATABASE_CONNECT_TIMEOUT_MS: variable({
    about: 'timeout of obtaining a database connection',
    parse: wholeNumber(10, 60_000),
    default: '2000',
  }),
  DATABASE_PREPARED_STATEMENTS: variable({
    about: 'false = prepare no statements, for a pooler in transaction mode that does not support it',
    parse: yesOrNo,
    default: 'true',
  }),
  REDIS_URL: variable({
    about: 'Redis or Valkey, with maxmemory-policy noeviction',
    parse: url('redis', 'rediss'),
    example: 'redis://127.0.0.1:6379',
    secret: true,
  }),
  S3_ENDPOINT: variable({ about: 'URL of the object store; empty = AWS', parse: optional(url('http', 'https')), default: '' }),
  S3_PUBLIC_ENDPOINT: variable({
    about: 'the endpoint in presigned URLs, if clients reach the store by another URL; empty = S3_ENDPOINT',
    parse: optional(url('http', 'https')),
    default: '',
  }),
  S3_REGION: variable({ about: 'region of the bucket', parse: text, default: 'us-east-1' }),
  S3_BUCKET_NAME: variable({ about: 'the bucket of this environment', parse: bucketName, example: 'zapcut-dev' }),
  S3_FORCE_PATH_STYLE: variable({
    about: 'true = the bucket in the path instead of the host name, for most stores other than AWS',
    parse: yesOrNo,
    default: 'false',
  }),
  S3_SSE: variable({ about: 'encryption at rest: AES256, aws:kms, or none', parse: oneOf('AES256', 'aws:kms', 'none'), default: 'AES256' }),
  S3_KMS_KEY_ID: variable({ about: 'the key for S3_SSE=aws:kms', parse: optional(text), default: '' }),
  S3_CHECKSUMS: variable({
    about: 'when_required = for stores that reject trailing CRC32 checksums',
    parse: oneOf('when_supported', 'when_required'),
    default: 'when_supported',
  }),
  S3_SERVER_SIDE_COPY: variable({
    about: 'false = promote by reading and writing, for stores without server-side copy',
    parse: yesOrNo,
    default: 'true',
  }),
  S3_MULTIPART_COPY_FROM_BYTES: variable({
    about: 'objects of at least this size are copied in parallel parts',
    parse: wholeNumber(5 * MiB, 5 * 1024 * MiB),
    default: String(100 * MiB),
  }),
  S3_CALL_TIMEOUT_MS: variable({ about: 'timeout of a single call to the store', parse: wholeNumber(100, 600_000), default: '30000' }),
  AWS_ACCESS_KEY_ID: variable({
    about: "access key; empty = the SDK's default credential chain (IAM roles)",
    parse: optional(text),
    default: '',
  }),
  AWS_SECRET_ACCESS_KEY: variable({ about: 'the secret of AWS_ACCESS_KEY_ID', parse: optional(text), default: '', secret: true }),
} as const
