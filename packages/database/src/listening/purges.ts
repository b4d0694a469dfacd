import { type Listening, type ListenOptions, listen } from './listen.ts'

export interface PurgeListenOptions extends ListenOptions {
  /** Called when there are objects to purge (see `purges.due`), once for each transaction. */
  onPurge(): void
}

/** Listens for committed requests to purge objects. */
export const listenForPurges = ({ onPurge, ...options }: PurgeListenOptions): Listening =>
  listen('airlock_purges', () => onPurge(), options)
