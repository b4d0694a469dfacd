/** A job's payload breaks its contract. Retrying does not help. */
export class PayloadMalformed extends Error {
  override name = 'PayloadMalformed'
}
