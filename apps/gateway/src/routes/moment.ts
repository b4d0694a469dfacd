import { AirlockError } from '@airlock/domain'

/**
 * A time from a query, whose format the schema has checked. RFC 3339 permits leap seconds, which Date cannot represent.
 *
 * @throws AirlockError `request_malformed`
 */
export function momentOf(name: string, text: string): Date {
  const moment = new Date(text)
  if (Number.isNaN(moment.getTime()))
    throw new AirlockError('request_malformed', { reason: `querystring/${name} is not a valid time: ${text}` })
  return moment
}
