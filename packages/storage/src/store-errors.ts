/** The base class of the store's errors. Their messages are for the log, never for clients. */
export class StoreError extends Error {
  /** The key of the call, if it had one. */
  readonly key: string | null

  constructor(message: string, key: string | null, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.key = key
  }
}

/** The object with this key is no longer the expected one. */
export class ObjectChanged extends StoreError {}

/** There is no object with this key. */
export class ObjectMissing extends StoreError {}

/** The store is unreachable, too slow or too busy. The same call may succeed later. */
export class StoreUnavailable extends StoreError {
  readonly retryAfterSeconds: number
  /** Whether the call exceeded its time limit; false when the store answered, or could not be reached. */
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

/** An unexpected answer of the store: no permission, no such bucket, an unsupported request. Retrying does not help. */
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
