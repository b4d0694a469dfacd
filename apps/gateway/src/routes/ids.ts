import { AirlockError, isUuid } from '@airlock/domain'

/** An id out of a path, in the form that the database compares. @throws AirlockError `id_malformed` */
export function uuidOf(id: string): string {
  if (!isUuid(id)) throw new AirlockError('id_malformed', { id })
  return id.toLowerCase()
}
