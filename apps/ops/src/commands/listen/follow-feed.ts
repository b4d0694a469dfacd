import { backoffMs, sleep } from '@airlock/async'
import type { PublishedEvent } from '@airlock/notifications'
import type { CommandIo } from '../../command.ts'

export type FeedStart = 'latest' | 'oldest'

export interface Feed {
  /** URL of the gateway. */
  readonly url: string
  token(): Promise<string>
  readonly from: FeedStart
}

/** Airlock responds but refuses access; the message contains the reason. */
export class FeedRefused extends Error {
  override name = 'FeedRefused'
}

interface Page {
  readonly events: readonly PublishedEvent[]
  readonly next: string
}

const waitSeconds = 25
const responseTimeoutMs = 10_000
const retryBackoff = { firstMs: 250, maxMs: 5000, jitter: 0 } as const

/**
 * The events of a running Airlock, as they occur. While it is unavailable, requests are retried from the same position; that is reported once.
 *
 * @throws FeedRefused
 */
export async function* followFeed(feed: Feed, io: CommandIo, signal: AbortSignal): AsyncGenerator<PublishedEvent> {
  let after: string | null = feed.from === 'latest' ? 'latest' : null
  let failures = 0
  while (!signal.aborted) {
    if (failures > 0) await sleep(backoffMs(failures, retryBackoff), signal)
    // The position of `latest` must be known before the first wait: otherwise a lost response would skip events.
    const page = await fetchPage(feed, after, after === 'latest' ? 0 : waitSeconds, signal)
    if (page === null) break
    if ('failure' in page) {
      if (failures === 0) io.err(`Airlock does not respond (${page.failure}), retrying`)
      failures += 1
      continue
    }
    if (failures > 0) io.err('Airlock responds again')
    failures = 0
    yield* page.events
    after = page.next
  }
}

/** @returns null if the signal fired */
async function fetchPage(feed: Feed, after: string | null, wait: number, signal: AbortSignal): Promise<Page | { failure: string } | null> {
  const query = new URLSearchParams({ wait: String(wait), ...(after !== null && { after }) })
  const within = AbortSignal.any([signal, AbortSignal.timeout(wait * 1000 + responseTimeoutMs)])
  try {
    const headers = { authorization: `Bearer ${await feed.token()}` }
    const answer = await fetch(new URL(`/api/events?${query}`, feed.url), { headers, redirect: 'error', signal: within })
    if (answer.ok) return (await answer.json()) as Page
    const problem = await problemOf(answer)
    if (answer.status < 500 && answer.status !== 429) throw new FeedRefused(`Airlock refused the request: ${problem}`)
    return { failure: problem }
  } catch (error) {
    if (error instanceof FeedRefused) throw error
    if (signal.aborted) return null
    return { failure: reasonOf(error) }
  }
}

async function problemOf(answer: Response): Promise<string> {
  const { code, detail } = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string }
  return code === undefined ? `status ${answer.status}` : `${answer.status} ${code}, ${detail}`
}

/** `fetch` puts the actual error into the cause. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown }
  const { code, message } = cause as { code?: string; message?: string }
  return code ?? message ?? String(cause)
}
