import { type Listening, type ListenOptions, listen } from './listen.ts'

export interface EventListenOptions extends ListenOptions {
  /** Called when an event without a position waits for a relay. */
  onEvent(): void
}

/** Listens for committed events that have no position yet. For relays. */
export const listenForEvents = ({ onEvent, ...options }: EventListenOptions): Listening =>
  listen('airlock_events', () => onEvent(), options)

export interface FeedListenOptions extends ListenOptions {
  /** Called when there are new events (see `events.after`), or an operator has replayed deliveries (see `webhooks.due`). */
  onMore(): void
}

/** Listens for events that got their positions. For readers and webhooks. */
export const listenForFeed = ({ onMore, ...options }: FeedListenOptions): Listening => listen('airlock_event_feed', () => onMore(), options)
