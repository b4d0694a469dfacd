import { BadValue, type Variable } from './parsers.ts'
import { exampleJwtSecret, type ValueOf, type VariableName, variables } from './variables.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export type Config<N extends VariableName> = { readonly [K in N]: ValueOf<K> }

/** A missing or invalid setting: `PORT`, `is 'abc': a whole number from 0 to 65535`. */
export interface ConfigProblem {
  readonly name: VariableName
  readonly problem: string
  /** Required, but not set. */
  readonly missing: boolean
}

/** Some settings are missing or malformed; the message lists each on its own line. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    const width = Math.max(...problems.map(({ name }) => name.length))
    const lines = problems.map(({ name, problem }) => `  ${name.padEnd(width)}  ${problem}`)
    super(
      [`Airlock can't start, ${problems.length === 1 ? '1 setting needs' : `${problems.length} settings need`} a look:`, ...lines].join(
        '\n',
      ),
    )
    this.problems = problems
  }
}

/**
 * Reads the named variables and reports all problems together.
 *
 * An absent or empty variable takes its default; a malformed one never does.
 *
 * @param env usually `process.env`
 * @throws ConfigError naming each variable that is missing or malformed
 */
export function readConfig<const N extends VariableName>(env: Environment, names: readonly N[]): Config<N> {
  const values: Partial<Record<VariableName, unknown>> = {}
  const problems: ConfigProblem[] = []
  for (const name of names) {
    const outcome = readOne(name, env[name])
    if ('problem' in outcome) problems.push({ name, ...outcome })
    else values[name] = outcome.value
  }
  problems.push(...contradictions(values, env))
  if (problems.length > 0) throw new ConfigError(problems)
  return values as Config<N>
}

function readOne(name: VariableName, given: string | undefined): { value: unknown } | Omit<ConfigProblem, 'name'> {
  const variable: Variable<unknown> = variables[name]
  const written = (given ?? '').trim() === '' ? variable.default : given?.trim()
  if (written === undefined)
    return {
      problem: `is missing: ${variable.about}${variable.example && !variable.secret ? `, for example ${variable.example}` : ''}`,
      missing: true,
    }
  try {
    return { value: variable.parse(written) }
  } catch (error) {
    if (!(error instanceof BadValue)) throw error
    const problem = variable.secret ? `is malformed: ${error.message}` : `is '${written.slice(0, 80)}': ${error.message}`
    return { problem, missing: false }
  }
}

type Values = Partial<Record<VariableName, unknown>>

const secretsOf = (values: Values) => values.JWT_SECRET as readonly string[] | undefined

const algorithmsOf = (values: Values): readonly string[] => (values.JWT_ALGORITHMS as readonly string[] | null | undefined) ?? []

const isLoopback = (host: string): boolean => host === 'localhost' || /^127\.\d+\.\d+\.\d+$|^\[?::1\]?$/.test(host)

const isProduction = ({ NODE_ENV }: Environment): boolean => NODE_ENV?.trim().toLowerCase() === 'production'

/** Whether other machines may reach this process: by its listen address, or because NODE_ENV is `production` (a proxy may forward to loopback). */
const mayBeReached = ({ HOST }: Values, env: Environment): boolean => isProduction(env) || (typeof HOST === 'string' && !isLoopback(HOST))

/** Rules that involve several settings. They see only values that were read without a problem. */
const rules: ReadonlyArray<{ name: VariableName; problem: string; breaks: (values: Values, env: Environment) => boolean }> = [
  {
    name: 'S3_KMS_KEY_ID',
    problem: 'is missing: S3_SSE=aws:kms needs a key',
    breaks: (values) => values.S3_SSE === 'aws:kms' && values.S3_KMS_KEY_ID === null,
  },
  {
    name: 'AWS_SECRET_ACCESS_KEY',
    problem: 'is missing: AWS_ACCESS_KEY_ID is set',
    breaks: (values) => typeof values.AWS_ACCESS_KEY_ID === 'string' && values.AWS_SECRET_ACCESS_KEY === null,
  },
  {
    name: 'AWS_ACCESS_KEY_ID',
    problem: 'is missing: AWS_SECRET_ACCESS_KEY is set',
    breaks: (values) => values.AWS_ACCESS_KEY_ID === null && typeof values.AWS_SECRET_ACCESS_KEY === 'string',
  },
  {
    name: 'PRESIGN_DEFAULT_HOURS',
    problem: 'is above PRESIGN_MAX_HOURS',
    breaks: (values) => Number(values.PRESIGN_DEFAULT_HOURS) > Number(values.PRESIGN_MAX_HOURS),
  },
  {
    name: 'PIPELINE_SOURCE_BUCKETS',
    problem: 'contains S3_BUCKET_NAME: files in that bucket are accepted only through its inbox, never by key',
    breaks: (values) => (values.PIPELINE_SOURCE_BUCKETS as readonly unknown[] | undefined)?.includes(values.S3_BUCKET_NAME) === true,
  },
  {
    name: 'WEBHOOK_SECRETS',
    problem: 'must have exactly one entry for each of WEBHOOK_URLS, in the same order',
    breaks: ({ WEBHOOK_URLS: urls, WEBHOOK_SECRETS: secrets }) =>
      Array.isArray(urls) && Array.isArray(secrets) && urls.length !== secrets.length,
  },
  {
    name: 'WEBHOOK_URLS',
    problem: 'contains an http:// URL: requests can be read in transit. WEBHOOK_ALLOW_PRIVATE=true allows it',
    breaks: (values) =>
      values.WEBHOOK_ALLOW_PRIVATE === false &&
      ((values.WEBHOOK_URLS as readonly string[] | undefined) ?? []).some((url) => url.startsWith('http:')),
  },
  ...(['PROVENANCE_POLICY_BRAND_IMAGE', 'PROVENANCE_POLICY_GENERATED_VIDEO'] as const).map((name) => ({
    name,
    problem: 'is strict, but C2PA_TRUST_FILE is missing: without trusted certificates every file would be rejected',
    breaks: (values: Values) => values[name] === 'strict' && values.C2PA_TRUST_FILE === null,
  })),
  {
    name: 'RETRY_BASE_MS',
    problem: 'is above RETRY_CAP_MS',
    breaks: (values) => Number(values.RETRY_BASE_MS) > Number(values.RETRY_CAP_MS),
  },
  {
    name: 'JWT_SECRET',
    problem: 'is missing: it or JWKS_URL is required (openssl rand -base64 48)',
    breaks: (values) => secretsOf(values)?.length === 0 && typeof values.JWKS_URL !== 'string',
  },
  {
    name: 'JWT_ALGORITHMS',
    problem: 'contains HS256, but JWT_SECRET is missing',
    breaks: (values) => secretsOf(values)?.length === 0 && typeof values.JWKS_URL === 'string' && algorithmsOf(values).includes('HS256'),
  },
  {
    name: 'JWT_ALGORITHMS',
    problem: 'contains an algorithm that needs JWKS_URL, which is missing',
    breaks: (values) => values.JWKS_URL === null && algorithmsOf(values).some((name) => name !== 'HS256'),
  },
  {
    name: 'JWT_ALGORITHMS',
    problem: 'contains no algorithm for the keys of JWKS_URL',
    breaks: (values) =>
      typeof values.JWKS_URL === 'string' && algorithmsOf(values).length > 0 && algorithmsOf(values).every((name) => name === 'HS256'),
  },
  {
    name: 'JWT_AUDIENCE',
    problem:
      'is missing: without it, tokens that the issuer of JWKS_URL issued for other services are accepted. JWT_ALLOW_ANY_AUDIENCE=true allows it',
    breaks: (values) => typeof values.JWKS_URL === 'string' && values.JWT_AUDIENCE === null && values.JWT_ALLOW_ANY_AUDIENCE === false,
  },
  {
    name: 'JWKS_URL',
    problem: 'is not https: anyone who can change its response can sign tokens',
    breaks: (values, env) =>
      mayBeReached(values, env) &&
      typeof values.JWKS_URL === 'string' &&
      !values.JWKS_URL.startsWith('https:') &&
      !isLoopback(new URL(values.JWKS_URL).hostname),
  },
  {
    name: 'JWT_SECRET',
    problem: 'is the example value: generate your own (openssl rand -base64 48)',
    breaks: (values, env) => mayBeReached(values, env) && secretsOf(values)?.includes(exampleJwtSecret) === true,
  },
  {
    name: 'TRY_PAGE',
    problem: 'is true with NODE_ENV=production: the page gives out tokens, it is for development only',
    breaks: (values, env) => values.TRY_PAGE === true && isProduction(env),
  },
]

const contradictions = (values: Values, env: Environment): ConfigProblem[] =>
  rules
    .filter(({ breaks }) => breaks(values, env))
    .map(({ name, problem }) => ({ name, problem, missing: problem.startsWith('is missing') }))
