import type { Events } from '@airlock/database'
import { publishedEvent } from '@airlock/notifications'
import type { ObjectStore } from '@airlock/storage'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { callerOfRequest } from '../auth/caller.ts'
import type { TokenRules } from '../auth/verify-token.ts'
import type { EventFeed } from '../following/event-feed.ts'
import { assertContinuous } from '../routes/events.ts'
import { eventCursorOf, eventCursorText, maxCursorLength } from '../routes/parameters.ts'
import { pageFiles, type TryPageFolders, trySamples } from './page-files.ts'
import { assertOwnPage, tryTokens } from './try-token.ts'

export interface TryPageDeps {
  folders: TryPageFolders
  tokens: TokenRules
  store: Pick<ObjectStore, 'presign'>
  feed: EventFeed
  events: Pick<Events, 'after'>
  authenticate: (request: FastifyRequest) => Promise<void>
}

/** A file of one's own is never shown as a page: some of the bad samples are pages for a browser that guesses. */
const samplePolicy = "default-src 'none'; sandbox"

/** Not in the OpenAPI document: these routes are for the page alone, and in development. */
const hide = { hide: true } as const

const Cursor = Type.Object({
  after: Type.String({ maxLength: maxCursorLength }),
  wait: Type.Integer({ minimum: 0, maximum: 25, default: 0 }),
})

/**
 * Serves the page on which developers try Airlock, and what it needs beside the API: a token, the samples, and the events of its user, because the feed is
 * for services, which see all users.
 *
 * @throws ConfigError if the page has not been built
 */
export async function tryPage({ folders, tokens, store, feed, events, authenticate }: TryPageDeps): Promise<FastifyPluginAsyncTypebox> {
  const files = pageFiles(folders.page)
  const samples = trySamples(folders.samples)
  const policy = pagePolicy(await publicOrigin(store))
  const newToken = tryTokens(tokens)
  return async (app) => {
    for (const { path, type, body } of files) {
      app.get(path, { schema: hide }, async (_request, reply) => {
        const isPage = path === '/'
        if (isPage) reply.header('content-security-policy', policy)
        // the names of all other files contain a hash
        reply.header('cache-control', isPage ? 'no-cache' : 'public, max-age=31536000, immutable')
        return reply.type(type).send(body)
      })
    }
    app.get('/try/samples', { schema: hide }, async (_request, reply) => {
      reply.header('cache-control', 'no-store')
      return samples.map(({ body, ...row }, number) => ({ ...row, size_bytes: body.length, url: `/try/samples/${number}` }))
    })
    for (const [number, { body }] of samples.entries()) {
      app.get(`/try/samples/${number}`, { schema: hide }, async (_request, reply) => {
        reply.header('content-security-policy', samplePolicy).header('content-disposition', 'attachment')
        return reply.type('application/octet-stream').send(body)
      })
    }
    if (newToken !== null) {
      app.post('/try/token', { schema: hide }, async (request, reply) => {
        assertOwnPage(request)
        reply.header('cache-control', 'no-store')
        return newToken()
      })
    }
    app.get('/try/events', { onRequest: authenticate, schema: { ...hide, querystring: Cursor } }, async (request, reply) => {
      const { id } = callerOfRequest(request)
      const { after, wait } = request.query
      const place = after === 'latest' ? after : eventCursorOf(after)
      const disconnected = new AbortController()
      reply.raw.once('close', () => disconnected.abort())
      const page = await feed.page(
        { after: place === 'latest' ? place : place.position, limit: 100, types: undefined },
        async (first) => {
          if (place !== 'latest') await assertContinuous(place, first, events)
        },
        AbortSignal.any([disconnected.signal, AbortSignal.timeout(wait * 1000)]),
      )
      reply.header('cache-control', 'no-store')
      return { events: page.events.filter(({ userId }) => userId === id).map(publishedEvent), next: eventCursorText(page.next) }
    })
  }
}

/** The origin of presigned URLs. */
async function publicOrigin(store: Pick<ObjectStore, 'presign'>): Promise<string> {
  const { url } = await store.presign('try-page', { expiresInSeconds: 60 })
  return new URL(url).origin
}

/** Files come from this gateway alone; uploads go also to the store, which pictures and videos come from. The client hashes in a worker of a `blob:` URL. */
const pagePolicy = (store: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `connect-src 'self' ${store}`,
    `img-src 'self' ${store}`,
    `media-src ${store}`,
    'worker-src blob:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
