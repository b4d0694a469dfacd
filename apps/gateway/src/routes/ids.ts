import { AirlockError, isUuid } from '@airlock/domain'

/** An id from a path, in lower case as in the database. @throws AirlockError `id_malformed` */
export function uuidOf(id: string): string {
  if (!isUuid(id)) throw new AirlockError('id_malformed', { id })
  return id.toLowerCase()
}
