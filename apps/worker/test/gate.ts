import type { ObjectStore } from '@airlock/storage'

export interface Gate {
  readonly store: ObjectStore
  /** Resolves when the copy is requested, with the signal that can abort it. */
  readonly reached: Promise<AbortSignal | undefined>
  open(): void
}

/** Holds the first copy of a store until the test opens the gate, so that a job is in progress. The copy's signal still aborts it. */
export function gatedCopy(store: ObjectStore): Gate {
  const reached = Promise.withResolvers<AbortSignal | undefined>()
  const opened = Promise.withResolvers<void>()
  const gated: ObjectStore = {
    ...store,
    copyToFinal: async (from, to, options) => {
      options.signal?.addEventListener('abort', () => opened.resolve(), { once: true })
      reached.resolve(options.signal)
      await opened.promise
      options.signal?.throwIfAborted()
      return store.copyToFinal(from, to, options)
    },
  }
  return { store: gated, reached: reached.promise, open: () => opened.resolve() }
}
