import type { Events, FeedPlace, EventPage as PageOfEvents } from '@airlock/database'
import { AirlockError, type EventType, eventTypes } from '@airlock/domain'
import { publishedEvent } from '@airlock/notifications'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { requireScope } from '../auth/caller.ts'
import type { EventFeed } from '../following/event-feed.ts'
import { Event } from '../responses/event.ts'
import { failures } from '../responses/schemas.ts'
import { eventCursorOf, eventCursorText, maxCursorLength } from './parameters.ts'

export interface EventRouteDeps {
  feed: EventFeed
  events: Pick<Events, 'after'>
  authenticate: (request: FastifyRequest) => Promise<void>
}

const Query = Type.Object({
  after: Type.Optional(
    Type.String({
      maxLength: maxCursorLength,
      description: '`next` of the previous response; `latest`: only new events; omitted: from the oldest event',
    }),
  ),
  wait: Type.Integer({ minimum: 0, maximum: 25, default: 0, description: 'How many seconds to wait if there are no events' }),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Events per response' }),
  types: Type.Optional(
    Type.Array(Type.String({ maxLength: 500 }), { description: `Only these types, separated by commas: ${eventTypes.join(', ')}` }),
  ),
})

const EventPage = Type.Object(
  {
    events: Type.Array(Event, { description: 'Oldest first, in an order that never changes' }),
    next: Type.String({ description: 'The value of `after` for the next events. Store it after processing these' }),
  },
  { title: 'EventPage', description: 'A page of events, and the cursor of the next one' },
)

/** Events of the uploads and assets of all users, for the surrounding product. */
export const eventRoute =
  ({ feed, events, authenticate: onRequest }: EventRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    // the same bytes that webhooks deliver; serialising by the schema would fail for events written by older versions
    app.setSerializerCompiler(() => JSON.stringify)
    const summary = 'List the events of the uploads and assets of all users (scope service)'
    app.get(
      '/api/events',
      {
        onRequest,
        schema: { operationId: 'listEvents', summary, tags: ['events'], querystring: Query, response: { 200: EventPage, ...failures } },
      },
      async (request, reply) => {
        requireScope(request, 'service')
        const { after, wait, limit, types } = request.query
        const place = after === undefined ? begin : after === 'latest' ? after : eventCursorOf(after)
        const disconnected = new AbortController()
        reply.raw.once('close', () => disconnected.abort())
        const page = await feed.page(
          { after: place === 'latest' ? place : place.position, limit, types: types === undefined ? undefined : typesOf(types) },
          async (first) => {
            if (place !== 'latest' && place !== begin) await assertContinuous(place, first, events)
          },
          AbortSignal.any([disconnected.signal, AbortSignal.timeout(wait * 1000)]),
        )
        reply.header('cache-control', 'no-store')
        return { events: page.events.map(publishedEvent), next: eventCursorText(page.next) }
      },
    )
  }

const begin: FeedPlace = { position: 0, eventId: null }

/** @throws AirlockError `request_malformed` */
function typesOf(texts: readonly string[]): EventType[] {
  const names = texts.flatMap((text) => text.split(','))
  const unknown = names.find((name) => !(eventTypes as string[]).includes(name))
  if (unknown !== undefined)
    throw new AirlockError('request_malformed', { reason: `querystring/types contains the unknown type ${unknown}` })
  return [...new Set(names)].toSorted() as EventType[]
}

/** Fails if the consumer would miss events. @throws AirlockError `cursor_gone` */
export async function assertContinuous(place: FeedPlace, first: PageOfEvents, events: EventRouteDeps['events']): Promise<void> {
  const reason = gapReason(place, first)
  if (reason === null) return
  const oldest = (await events.after({ after: 0, limit: 1 })).events[0]
  throw new AirlockError('cursor_gone', { reason, oldest: oldest?.createdAt.toISOString() ?? null })
}

function gapReason({ position, eventId }: FeedPlace, { start, removed, last }: PageOfEvents): string | null {
  if (position < removed) return 'Events after this cursor have been deleted'
  const isAnother = position > last || (position > removed && start.eventId !== eventId)
  return isAnother ? 'This cursor belongs to another feed, or to this one before its database was restored from a backup' : null
}
