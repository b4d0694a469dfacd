import { type Listening, type ListenOptions, listen } from './listen.ts'

export interface PurgeListenOptions extends ListenOptions {
  /** Something is to be purged: ask `purges.due`. One transaction rings once, however many objects it leaves behind. */
  onPurge(): void
}

/** Hears when objects have to go, once that is committed. */
export const listenForPurges = ({ onPurge, ...options }: PurgeListenOptions): Listening =>
  listen('airlock_purges', () => onPurge(), options)
