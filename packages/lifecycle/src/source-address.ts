import type { Source } from '@airlock/database'
import type { ObjectAddress } from '@airlock/storage'

/** The address of an upload's waiting bytes: its quarantine key, or an object in another bucket. */
export const sourceAddress = ({ quarantineKey, source }: { quarantineKey: string; source: Source | null }): ObjectAddress =>
  source ?? quarantineKey
