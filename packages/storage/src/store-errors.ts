/** What all errors of the store have in common. Their messages are for the log, never for clients. */
export class StoreError extends Error {
  /** The key that was asked for, where one was. */
  readonly key: string | null

  constructor(message: string, key: string | null, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.key = key
  }
}

/** The object under this key is no longer the one that was asked for. */
export class ObjectChanged extends StoreError {}

/** There is no object under this key. */
export class ObjectMissing extends StoreError {}

/** The store is out of reach, too slow or too busy. The same call may succeed later. */
export class StoreUnavailable extends StoreError {
  readonly retryAfterSeconds: number
  /** Whether the call took longer than a call may; false when the store answered, or could not be reached. */
  readonly timedOut: boolean

  constructor(
    message: string,
    key: string | null,
    options: ErrorOptions & { retryAfterSeconds?: number | undefined; timedOut?: boolean } = {},
  ) {
    super(message, key, options)
    this.retryAfterSeconds = options.retryAfterSeconds ?? defaultRetryAfterSeconds
    this.timedOut = options.timedOut ?? false
  }
}

const defaultRetryAfterSeconds = 5

/** The store answered what no verb foresees: no permission, no such bucket, a request it does not take. Trying again will not help. */
export class StoreFailure extends StoreError {
  /** The store's own code, for example `AccessDenied`. */
  readonly code: string
  readonly status: number | null

  constructor(message: string, key: string | null, options: ErrorOptions & { code: string; status: number | null }) {
    super(message, key, options)
    this.code = options.code
    this.status = options.status
  }
}
