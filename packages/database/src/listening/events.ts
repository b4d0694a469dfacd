import { type Listening, type ListenOptions, listen } from './listen.ts'

export interface EventListenOptions extends ListenOptions {
  /** An event without a position waits for a relay. */
  onEvent(): void
}

/** Hears when events were written, once that is committed. For those who relay them. */
export const listenForEvents = ({ onEvent, ...options }: EventListenOptions): Listening =>
  listen('airlock_events', () => onEvent(), options)

export interface FeedListenOptions extends ListenOptions {
  /** There are events behind the last one: ask `events.after`. Or an operator has made deliveries again: ask `webhooks.due`. */
  onMore(): void
}

/** Hears when events got their positions. For those who read them, or deliver them. */
export const listenForFeed = ({ onMore, ...options }: FeedListenOptions): Listening => listen('airlock_event_feed', () => onMore(), options)
