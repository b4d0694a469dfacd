import { type ErrorCode, type ErrorParams, errors } from './errors.ts'

/** A detail that is already rendered. */
class RenderedDetail {
  readonly detail: string

  constructor(detail: string) {
    this.detail = detail
  }
}

/**
 * An error that is reported to a client, with a code of the catalogue. Every other exception is unexpected and becomes `internal_error`.
 *
 * @example throw new AirlockError('file_too_large', { filename, limitBytes })
 */
export class AirlockError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C
  readonly status: number
  readonly title: string
  /** The sentence for the client: names the file and the limit, never internals. */
  readonly detail: string

  constructor(code: C, params: ErrorParams<C> | RenderedDetail, options?: ErrorOptions) {
    const entry = errors[code]
    const detail = params instanceof RenderedDetail ? params.detail : (entry.detail as (params: ErrorParams<C>) => string)(params)
    super(`${code}: ${detail}`, options)
    this.name = 'AirlockError'
    this.code = code
    this.status = entry.status
    this.title = entry.title
    this.detail = detail
  }

  /** Whether a file that ends with this error does not count against its user: the fault is ours, or others needed its permit. */
  get isOurs(): boolean {
    return this.status >= 500 || this.code === 'upload_share_exceeded'
  }

  /** A refusal as an error to throw. */
  static of({ code, detail }: Refusal): AirlockError {
    return new AirlockError(code, new RenderedDetail(detail))
  }
}

/** The parts of an error that verdicts, rows and `rejected` entries store. */
export interface Refusal {
  readonly code: ErrorCode
  readonly error: string
  readonly detail: string
}

/** An error in the shape that rows and responses use. */
export const asRefusal = (error: AirlockError): Refusal => ({ code: error.code, error: error.title, detail: error.detail })

/** A refusal without throwing, for verdicts. */
export const refusal = <C extends ErrorCode>(code: C, params: ErrorParams<C>): Refusal => asRefusal(new AirlockError(code, params))
