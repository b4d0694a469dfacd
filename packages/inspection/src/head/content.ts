import type { MediaType } from '@airlock/domain'

/** What bytes are, whatever they are called. */
export interface Content {
  /** One of the formats that Airlock knows, or null. */
  readonly mediaType: MediaType | null
  /** The same in words, for a sentence like "its content is …". */
  readonly described: string
}
