import { randomBytes, randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { readConfig, webhookSecret } from '@airlock/config'
import { type PublishedEvent, sendSigned, systemResolve } from '@airlock/notifications'
import { type Command, type CommandIo, UsageError } from '../../command.ts'
import { signToken } from '../token.ts'
import { FeedRefused, type FeedStart, followFeed } from './follow-feed.ts'

export const listenCommand: Command = {
  name: 'listen',
  summary: 'forward the events of a running Airlock to a program under development, as signed webhooks',
  usage: `--forward <url> [--secret whsec_…] [--url <airlock>] [--token <jwt>] [--from latest|oldest] [--json]

  --forward  the URL of your program's webhook handler, for example http://localhost:4000/hooks
  --secret   the signing secret; default: a new one for each run, which is printed
  --url      the URL of Airlock's gateway; default: http://127.0.0.1 and PORT
  --token    a token with the scope service; default: a new one, signed with JWT_SECRET
  --from     oldest: from the oldest stored event; latest: only new events (default)
  --json     prints one JSON object on each line

Prints a line for each event with your program's response and its duration in ms. A refused event is not sent again. It continues after a
restart of Airlock; Ctrl+C ends it.
Exit codes: 0 ended by Ctrl+C, 1 Airlock refused access, 2 invalid arguments.`,
  example: '--forward http://localhost:4000/hooks --from oldest',
  async run(args, io) {
    const stop = new AbortController()
    const end = () => stop.abort()
    process.once('SIGINT', end).once('SIGTERM', end)
    try {
      return await listen(args, io, stop.signal)
    } finally {
      process.off('SIGINT', end).off('SIGTERM', end)
    }
  },
}

/**
 * Forwards events until the signal fires.
 *
 * @returns 0 when the signal ended it, 1 if Airlock refused access
 */
export async function listen(args: string[], io: CommandIo, signal: AbortSignal): Promise<number> {
  const { to, secret, feed, json } = requestOf(args, io)
  // with --json a notice, because it is not about an event
  const announce = json ? io.err : io.out
  announce(`Forwarding events of ${feed.url} to ${to}${secret.isNew ? `, signed with ${secret.text}` : ''}`)
  try {
    for await (const event of followFeed(feed, io, signal)) {
      const forwarded = await forward(event, { to, secret: secret.text, signal })
      io.out(json ? JSON.stringify(forwarded) : lineOf(forwarded))
    }
    return 0
  } catch (error) {
    if (!(error instanceof FeedRefused)) throw error
    io.err(error.message)
    return 1
  }
}

function requestOf(args: string[], { env }: CommandIo) {
  const { values } = parseArgs({
    args,
    options: {
      forward: { type: 'string' },
      secret: { type: 'string' },
      url: { type: 'string' },
      token: { type: 'string' },
      from: { type: 'string', default: 'latest' },
      json: { type: 'boolean', default: false },
    },
  })
  const to = urlOf('--forward', values.forward)
  const url = urlOf('--url', values.url ?? `http://127.0.0.1:${readConfig(env, ['PORT']).PORT}`)
  const token = values.token === undefined ? ownToken(env) : async () => values.token as string
  return { to, secret: secretOf(values.secret), feed: { url, token, from: startOf(values.from) }, json: values.json }
}

function urlOf(option: string, given: string | undefined): string {
  if (given === undefined) throw new UsageError(`${option} is missing: a URL, for example http://localhost:4000/hooks`)
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol))
    throw new UsageError(`${option} is '${given}': a URL with http:// or https://`)
  return given
}

function secretOf(given: string | undefined): { text: string; isNew: boolean } {
  if (given === undefined) return { text: `whsec_${randomBytes(32).toString('base64')}`, isNew: true }
  try {
    return { text: webhookSecret(given), isNew: false }
  } catch (error) {
    throw new UsageError(`--secret must be ${(error as Error).message}`)
  }
}

function startOf(given: string): FeedStart {
  if (given !== 'latest' && given !== 'oldest') throw new UsageError(`--from is '${given}': latest or oldest`)
  return given
}

/** With a random user: reading the feed requires only the scope. New for each request, so that it never expires. */
function ownToken(env: CommandIo['env']): () => Promise<string> {
  if (!env.JWT_SECRET) throw new UsageError('--token is missing: without JWT_SECRET none can be signed')
  const [secret = ''] = readConfig(env, ['JWT_SECRET']).JWT_SECRET
  const userId = randomUUID()
  return () => signToken({ userId, scopes: ['service'], hours: 1, secret, now: new Date() })
}

interface ForwardOptions {
  readonly to: string
  readonly secret: string
  readonly signal: AbortSignal
}

/** The same timeout as for Airlock's own deliveries. */
const timeoutMs = 10_000

const resolve = systemResolve()

interface Forwarded {
  readonly timestamp: string
  readonly type: string
  readonly event_id: string
  /** Null without a response. */
  readonly status: number | null
  readonly error: string | null
  readonly ms: number
}

/** Sends an event in the same way as Airlock: the same body, the same headers. */
async function forward(event: PublishedEvent, { to, secret, signal }: ForwardOptions): Promise<Forwarded> {
  const { event_id: id } = event.data
  const begun = performance.now()
  const message = { id, at: new Date(), body: JSON.stringify(event) }
  const answer = await sendSigned({ url: to, secrets: [secret] }, message, { resolve, mayCall: () => true, timeoutMs, signal }).then(
    ({ status }) => ({ status, error: null }),
    (error: Error) => ({ status: null, error: error.message }),
  )
  return { timestamp: event.timestamp, type: event.type, event_id: id, ...answer, ms: Math.round(performance.now() - begun) }
}

const lineOf = ({ timestamp, type, event_id: id, status, error, ms }: Forwarded): string =>
  `${timestamp} ${type} ${id} → ${status ?? error} in ${ms} ms`
