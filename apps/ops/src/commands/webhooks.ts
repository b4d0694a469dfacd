import { parseArgs } from 'node:util'
import { databaseSettings, databaseVariables, readConfig } from '@airlock/config'
import { type DeadLetter, type DeadLetters, type DeliveryCounts, openDatabase } from '@airlock/database'
import { isUuid } from '@airlock/domain'
import { type Command, type CommandIo, UsageError } from '../command.ts'

const mostLetters = 10_000
const usualLetters = 100

/** Deliveries that are replayed in one statement. */
const batchSize = 500

type Wish =
  | { readonly what: 'list'; readonly endpoint: string | null; readonly limit: number }
  | { readonly what: 'replay'; readonly endpoint: string | null; readonly eventId: string | null }

export const webhooksCommand: Command = {
  name: 'webhooks',
  summary: 'list the events that endpoints did not take, and have them delivered again',
  usage: `[list] [--endpoint <name>] [--limit ${usualLetters}]
       npm run ops -- webhooks replay <event id> [--endpoint <name>]
       npm run ops -- webhooks replay --all [--endpoint <name>]

  list               each endpoint with what is pending, delivered and dead; then a line for each dead letter
  replay <event id>  delivers this event again, also where it was delivered; an endpoint knows it by its webhook-id
  replay --all       delivers again what is dead
  --endpoint <name>  only there; names are those that the list shows
  --limit <count>    at most so many dead letters are shown

What is replayed is tried at once, and again for three days.`,
  async run(args, io) {
    const wish = wishOf(args)
    const config = readConfig(io.env, databaseVariables)
    const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
    const { webhooks, close } = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
    try {
      return wish.what === 'list' ? await list(wish, webhooks, io) : await replay(wish, webhooks, io)
    } finally {
      await close()
    }
  },
}

function wishOf(args: string[]): Wish {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { endpoint: { type: 'string' }, limit: { type: 'string' }, all: { type: 'boolean', default: false } },
  })
  const [what = 'list', eventId, ...more] = positionals
  const endpoint = values.endpoint ?? null
  if (more.length > 0) throw new UsageError(`'${more.join(' ')}' is too much`)
  if (what === 'list') {
    if (eventId !== undefined || values.all) throw new UsageError('list takes no event and no --all: --endpoint and --limit')
    return { what, endpoint, limit: limitOf(values.limit) }
  }
  if (what !== 'replay') throw new UsageError(`There is no 'webhooks ${what}': list or replay`)
  if (values.limit !== undefined) throw new UsageError('replay takes no --limit')
  if ((eventId !== undefined) === values.all) throw new UsageError('replay takes the id of an event, or --all')
  if (eventId !== undefined && !isUuid(eventId)) throw new UsageError(`'${eventId}' is no id of an event: a UUID, as the list shows it`)
  return { what, endpoint, eventId: eventId ?? null }
}

function limitOf(given: string | undefined): number {
  const limit = Number(given ?? usualLetters)
  if (!Number.isInteger(limit) || limit < 1 || limit > mostLetters) {
    throw new UsageError(`--limit is '${given}': a whole number from 1 to ${mostLetters}`)
  }
  return limit
}

/** @throws UsageError for an endpoint that never was: a misspelt name must not look like success */
async function countsOf(endpoint: string | null, webhooks: DeadLetters): Promise<DeliveryCounts[]> {
  const counts = await webhooks.counts()
  if (endpoint === null) return counts
  const known = counts.filter((count) => count.endpoint === endpoint)
  if (known.length > 0) return known
  const names = counts.map((count) => count.endpoint)
  throw new UsageError(`There is no endpoint '${endpoint}'; ${names.length === 0 ? 'there is none at all' : `known: ${names.join(', ')}`}`)
}

async function list({ endpoint, limit }: Wish & { what: 'list' }, webhooks: DeadLetters, { out, err }: CommandIo): Promise<number> {
  const counts = await countsOf(endpoint, webhooks)
  if (counts.length === 0) out('No event has ever been published to an endpoint.')
  for (const { endpoint: name, pending, delivered, dead } of counts)
    out(`${name}: ${pending} pending, ${delivered} delivered, ${dead} dead`)
  let shown = 0
  let after: DeadLetter | null = null
  while (shown < limit) {
    const batch: DeadLetter[] = await webhooks.dead({ endpoint, after, limit: Math.min(batchSize, limit - shown) })
    for (const letter of batch) out(lineOf(letter))
    shown += batch.length
    after = batch.at(-1) ?? null
    if (batch.length === 0) break
  }
  const dead = counts.reduce((sum, count) => sum + count.dead, 0)
  if (dead > shown) err(`Shown are ${shown} of ${dead}; more with --limit`)
  return 0
}

const lineOf = ({ endedAt, endpoint, eventId, type, uploadId, attempts, lastError }: DeadLetter): string =>
  `${endedAt.toISOString()} ${endpoint} ${eventId} ${type} upload=${uploadId} attempts=${attempts} ${lastError ?? ''}`.trimEnd()

/** At most what is dead at the beginning, so that it ends also when endpoints go on refusing. */
async function replay({ endpoint, eventId }: Wish & { what: 'replay' }, webhooks: DeadLetters, { out, err }: CommandIo): Promise<number> {
  const counts = await countsOf(endpoint, webhooks)
  const most = eventId === null ? counts.reduce((sum, { dead }) => sum + dead, 0) : counts.length
  let replayed = 0
  while (replayed < most) {
    const count = await webhooks.replay({ endpoint, eventId, limit: Math.min(batchSize, most - replayed) })
    replayed += count
    if (count === 0) break
  }
  if (eventId !== null && replayed === 0) {
    err(`No endpoint${endpoint === null ? '' : ` '${endpoint}'`} has event ${eventId} dead or delivered.`)
    return 1
  }
  out(replayed === 1 ? '1 event is delivered again' : `${replayed} events are delivered again`)
  return 0
}
