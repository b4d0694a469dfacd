import { type ErrorCode, type ErrorParams, errors } from './errors.ts'

/** A detail that was rendered before. */
class RenderedDetail {
  readonly detail: string

  constructor(detail: string) {
    this.detail = detail
  }
}

/**
 * Something that a client is told, by a code of the catalogue. Whatever else is thrown is unforeseen and becomes `internal_error`.
 *
 * @example throw new AirlockError('file_too_large', { filename, limitBytes })
 */
export class AirlockError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C
  readonly status: number
  readonly title: string
  /** The sentence for the client: names the file and the limit, never our insides. */
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

  /** Whether a file that ends so does not count for its user: a fault of ours, or its place was needed for others. */
  get isOurs(): boolean {
    return this.status >= 500 || this.code === 'upload_share_exceeded'
  }

  /** A refusal as an error, for those who throw. */
  static of({ code, detail }: Refusal): AirlockError {
    return new AirlockError(code, new RenderedDetail(detail))
  }
}

/** What a verdict, a row or a `rejected` entry keeps of an error. */
export interface Refusal {
  readonly code: ErrorCode
  readonly error: string
  readonly detail: string
}

/** An error in the shape that rows and answers carry. */
export const asRefusal = (error: AirlockError): Refusal => ({ code: error.code, error: error.title, detail: error.detail })

/** Says no, without throwing: for verdicts. */
export const refusal = <C extends ErrorCode>(code: C, params: ErrorParams<C>): Refusal => asRefusal(new AirlockError(code, params))
