import { AirlockError } from '@airlock/domain'

/**
 * A moment out of a query, checked by its schema's format. RFC 3339 has moments that no Date has: leap seconds.
 *
 * @throws AirlockError `request_malformed`
 */
export function momentOf(name: string, text: string): Date {
  const moment = new Date(text)
  if (Number.isNaN(moment.getTime())) throw new AirlockError('request_malformed', { reason: `querystring/${name} is no moment: ${text}` })
  return moment
}
