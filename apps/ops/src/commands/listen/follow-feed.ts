import { setTimeout as pause } from 'node:timers/promises'
import type { PublishedEvent } from '@airlock/lifecycle'
import type { CommandIo } from '../../command.ts'

export type FeedPlace = 'latest' | 'oldest'

export interface Feed {
  /** Where the gateway is. */
  readonly url: string
  token(): Promise<string>
  readonly from: FeedPlace
}

/** Airlock is there and does not let us read; the message says why. */
export class FeedRefused extends Error {
  override name = 'FeedRefused'
}

interface Page {
  readonly events: readonly PublishedEvent[]
  readonly next: string
}

const waitSeconds = 25
const answerWithinMs = 10_000
const pausesMs = { first: 250, longest: 5000 } as const

/**
 * The events of a running Airlock, as they happen. While it is away it is asked again and again, from where we were; a line says so once.
 *
 * @throws FeedRefused
 */
export async function* followFeed(feed: Feed, io: CommandIo, signal: AbortSignal): AsyncGenerator<PublishedEvent> {
  let after: string | null = feed.from === 'latest' ? 'latest' : null
  let pauseMs = 0
  while (!signal.aborted) {
    await pause(pauseMs, null, { signal }).catch(() => {}) // the loop looks at the signal
    // Where `latest` is must be known before anything is waited for: what happens while an answer gets lost would be passed over.
    const page = await ask(feed, after, after === 'latest' ? 0 : waitSeconds, signal)
    if (page === null) break
    if ('away' in page) {
      if (pauseMs === 0) io.err(`Airlock does not answer (${page.away}), it is asked again`)
      pauseMs = Math.min(pausesMs.longest, pauseMs * 2 || pausesMs.first)
      continue
    }
    if (pauseMs > 0) io.err('Airlock answers again')
    pauseMs = 0
    yield* page.events
    after = page.next
  }
}

/** @returns null when the signal came */
async function ask(feed: Feed, after: string | null, wait: number, signal: AbortSignal): Promise<Page | { away: string } | null> {
  const question = new URLSearchParams({ wait: String(wait), ...(after !== null && { after }) })
  const within = AbortSignal.any([signal, AbortSignal.timeout(wait * 1000 + answerWithinMs)])
  try {
    const headers = { authorization: `Bearer ${await feed.token()}` }
    const answer = await fetch(new URL(`/api/events?${question}`, feed.url), { headers, redirect: 'error', signal: within })
    if (answer.ok) return (await answer.json()) as Page
    const problem = await problemOf(answer)
    if (answer.status < 500 && answer.status !== 429) throw new FeedRefused(`Airlock refuses: ${problem}`)
    return { away: problem }
  } catch (error) {
    if (error instanceof FeedRefused) throw error
    if (signal.aborted) return null
    return { away: reasonOf(error) }
  }
}

async function problemOf(answer: Response): Promise<string> {
  const { code, detail } = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string }
  return code === undefined ? `status ${answer.status}` : `${answer.status} ${code}, ${detail}`
}

/** `fetch` puts what happened into the cause. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown }
  const { code, message } = cause as { code?: string; message?: string }
  return code ?? message ?? String(cause)
}
