import { parseArgs } from 'node:util'
import { databaseSettings, databaseVariables, readConfig } from '@airlock/config'
import { type DeadLetter, type DeadLetters, type DeliveryCounts, type OperatorNote, openDatabase } from '@airlock/database'
import { isUuid } from '@airlock/domain'
import { type Command, type CommandIo, UsageError } from '../command.ts'
import { JsonList } from '../json-list.ts'
import { noteHelp, noteOptions, operatorNote } from '../operator.ts'
import { printable } from '../table.ts'

const maxLetters = 10_000
const defaultLetters = 100

/** Deliveries replayed per statement. */
const batchSize = 500

type WebhooksRequest =
  | { readonly what: 'list'; readonly endpoint: string | null; readonly limit: number; readonly json: boolean }
  | {
      readonly what: 'replay'
      readonly endpoint: string | null
      readonly eventId: string | null
      readonly note: OperatorNote
      readonly json: boolean
    }

export const webhooksCommand: Command = {
  name: 'webhooks',
  summary: 'list events whose delivery was given up, and deliver them again',
  usage: `[list] [--endpoint <name>] [--limit ${defaultLetters}] [--json]
       npm run ops -- webhooks replay <event id> | --all  [--endpoint <name>] [--reason <text>] [--json]

  list               prints the pending, delivered and dead events of each endpoint, then a line for each dead letter
  replay <event id>  delivers this event again, even if it was delivered; endpoints recognize it by its webhook-id
  replay --all       delivers all dead events again
  --endpoint <name>  only this endpoint, named as in the list
  --limit <count>    maximum number of dead letters to list
${noteHelp}
  --json             prints one JSON object

A replayed event is sent at once, and retried for three days.
Exit codes: 0 done, 1 no endpoint has the event, or it failed, 2 invalid arguments.`,
  example: 'replay --all',
  async run(args, io) {
    const request = requestOf(args)
    const config = readConfig(io.env, databaseVariables)
    const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
    const { webhooks, close } = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
    try {
      return request.what === 'list' ? await list(request, webhooks, io) : await replay(request, webhooks, io)
    } finally {
      await close()
    }
  },
}

function requestOf(args: string[]): WebhooksRequest {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...noteOptions,
      endpoint: { type: 'string' },
      limit: { type: 'string' },
      all: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const [what = 'list', eventId, ...more] = positionals
  const { json, endpoint = null } = values
  if (more.length > 0) throw new UsageError(`unexpected arguments: ${more.join(' ')}`)
  if (what === 'list') {
    if (eventId !== undefined || values.all) throw new UsageError('list takes only --endpoint, --limit and --json')
    return { what, endpoint, json, limit: limitOf(values.limit) }
  }
  if (what !== 'replay') throw new UsageError(`'webhooks ${what}' does not exist: list or replay`)
  if (values.limit !== undefined) throw new UsageError('replay takes no --limit')
  if ((eventId !== undefined) === values.all) throw new UsageError('replay takes the id of an event, or --all')
  if (eventId !== undefined && !isUuid(eventId)) throw new UsageError(`'${eventId}' is not an event id: a UUID, as in the list`)
  return { what, endpoint, json, eventId: eventId ?? null, note: operatorNote(values) }
}

function limitOf(given: string | undefined): number {
  const limit = Number(given ?? defaultLetters)
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLetters) {
    throw new UsageError(`--limit is '${given}': a whole number from 1 to ${maxLetters}`)
  }
  return limit
}

/** @throws UsageError for an unknown endpoint: a misspelt name must not look like success */
async function countsOf(endpoint: string | null, webhooks: DeadLetters): Promise<DeliveryCounts[]> {
  const counts = await webhooks.counts()
  if (endpoint === null) return counts
  const known = counts.filter((count) => count.endpoint === endpoint)
  if (known.length > 0) return known
  const names = counts.map((count) => count.endpoint)
  throw new UsageError(`Endpoint '${endpoint}' does not exist; ${names.length === 0 ? 'there are none' : `known: ${names.join(', ')}`}`)
}

async function list({ endpoint, limit, json }: WebhooksRequest & { what: 'list' }, webhooks: DeadLetters, io: CommandIo): Promise<number> {
  const letters = json ? new JsonList('dead_letters', io) : null
  const counts = await countsOf(endpoint, webhooks)
  if (letters === null) {
    if (counts.length === 0) io.out('No event has been published to an endpoint yet.')
    for (const { endpoint: name, pending, delivered, dead } of counts)
      io.out(`${name}: ${pending} pending, ${delivered} delivered, ${dead} dead`)
  }
  let shown = 0
  let after: DeadLetter | null = null
  while (shown < limit) {
    const batch: DeadLetter[] = await webhooks.dead({ endpoint, after, limit: Math.min(batchSize, limit - shown) })
    for (const letter of batch) {
      if (letters === null) io.out(lineOf(letter))
      else letters.add(letterForPrograms(letter))
    }
    shown += batch.length
    after = batch.at(-1) ?? null
    if (batch.length === 0) break
  }
  const dead = counts.reduce((sum, count) => sum + count.dead, 0)
  letters?.end({ has_more: dead > shown, endpoints: counts })
  if (dead > shown) io.err(`${shown} of ${dead} listed; use --limit for more`)
  return 0
}

const letterForPrograms = ({ endpoint, position, eventId, type, uploadId, attempts, lastError, failingSince, endedAt }: DeadLetter) => ({
  ...{ endpoint, position, event_id: eventId, type, upload_id: uploadId, attempts, last_error: lastError },
  ...{ failing_since: failingSince?.toISOString() ?? null, ended_at: endedAt.toISOString() },
})

const lineOf = ({ endedAt, endpoint, eventId, type, uploadId, attempts, lastError }: DeadLetter): string =>
  printable(`${endedAt.toISOString()} ${endpoint} ${eventId} ${type} upload=${uploadId} attempts=${attempts} ${lastError ?? ''}`.trimEnd())

/** Replays at most as many events as are dead at the start, so that it ends even if endpoints keep refusing. */
async function replay(
  { endpoint, eventId, note, json }: WebhooksRequest & { what: 'replay' },
  webhooks: DeadLetters,
  { out, err }: CommandIo,
): Promise<number> {
  const counts = await countsOf(endpoint, webhooks)
  const max = eventId === null ? counts.reduce((sum, { dead }) => sum + dead, 0) : counts.length
  let replayed = 0
  while (replayed < max) {
    const count = await webhooks.replay({ endpoint, eventId, note, limit: Math.min(batchSize, max - replayed) })
    replayed += count
    if (count === 0) break
  }
  if (json) out(JSON.stringify({ replayed }, null, 2))
  if (eventId !== null && replayed === 0) {
    err(`No endpoint${endpoint === null ? '' : ` '${endpoint}'`} has event ${eventId} as dead or delivered.`)
    return 1
  }
  if (!json) out(replayed === 1 ? '1 event will be delivered again' : `${replayed} events will be delivered again`)
  return 0
}
