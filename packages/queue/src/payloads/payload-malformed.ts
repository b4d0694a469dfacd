/** A job's payload breaks its contract; sending or delivering it again will not mend it. */
export class PayloadMalformed extends Error {
  override name = 'PayloadMalformed'
}
