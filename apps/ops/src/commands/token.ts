import { parseArgs } from 'node:util'
import { readConfig } from '@airlock/config'
import { isUuid } from '@airlock/domain'
import { SignJWT } from 'jose'
import { type Command, UsageError } from '../command.ts'

/** The scopes that a token may have in addition to access to its user's uploads. */
const scopes: readonly string[] = ['service', 'ops']

const defaultHours = 24
const maxHours = 8760

export const tokenCommand: Command = {
  name: 'token',
  summary: 'print a token for development, signed with JWT_SECRET',
  usage: `--user <uuid> [--scope ${scopes.join(',')}] [--hours ${defaultHours}] [--json]

  --user   the user of the token, a UUID
  --scope  scopes in addition to that user's uploads: ${scopes.join(', ')}, or both separated by a comma
  --hours  validity, up to ${maxHours} hours; default ${defaultHours}
  --json   prints one JSON object

The secret is JWT_SECRET from the environment, else from a running 'npm start', else from .env.
Exit codes: 0 printed, 1 without a secret, 2 invalid arguments.`,
  example: '--user 0198c0de-0000-7000-8000-000000000001 --scope ops --hours 1',

  async run(args, { env, out }) {
    const requested = readArgs(args)
    const [secret = ''] = readConfig(env, ['JWT_SECRET']).JWT_SECRET
    const { json, userId, scopes: granted, hours } = requested
    const token = await signToken({ ...requested, secret, now: new Date() })
    out(json ? JSON.stringify({ token, user_id: userId, scopes: granted, hours }, null, 2) : token)
    return 0
  },
}

interface TokenRequest {
  userId: string
  scopes: readonly string[]
  hours: number
}

function readArgs(args: string[]): TokenRequest & { json: boolean } {
  const { values } = parseArgs({
    args,
    options: { user: { type: 'string' }, scope: { type: 'string' }, hours: { type: 'string' }, json: { type: 'boolean', default: false } },
  })
  return { userId: userOf(values.user), scopes: scopesOf(values.scope), hours: hoursOf(values.hours), json: values.json }
}

function userOf(given: string | undefined): string {
  if (given === undefined) throw new UsageError('--user is missing: the UUID of the user')
  if (!isUuid(given)) throw new UsageError(`--user is '${given}': a UUID, for example 0198c0de-0000-7000-8000-000000000001`)
  return given.toLowerCase()
}

function scopesOf(given: string | undefined): string[] {
  const requested = given === undefined ? [] : given.split(',').map((scope) => scope.trim())
  const unknown = requested.find((scope) => !scopes.includes(scope))
  if (unknown !== undefined) throw new UsageError(`--scope has '${unknown}': ${scopes.join(', ')}, or both separated by a comma`)
  return [...new Set(requested)]
}

function hoursOf(given: string | undefined): number {
  const hours = given === undefined ? defaultHours : Number(given)
  if (!(hours > 0 && hours <= maxHours)) throw new UsageError(`--hours is '${given}': a number above 0, up to ${maxHours}`)
  return hours
}

/**
 * A token as the gateway expects it: HS256, `sub` the user, `exp` in whole seconds, `scope` as a space-separated list
 * (RFC 8693, section 4.2) if there are any.
 *
 * @param request.hours validity from `request.now`
 */
export async function signToken({ userId, scopes, hours, secret, now }: TokenRequest & { secret: string; now: Date }): Promise<string> {
  const issued = Math.floor(now.getTime() / 1000)
  return new SignJWT(scopes.length === 0 ? {} : { scope: scopes.join(' ') })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(userId)
    .setIssuedAt(issued)
    .setExpirationTime(issued + Math.ceil(hours * 3600))
    .sign(new TextEncoder().encode(secret))
}
