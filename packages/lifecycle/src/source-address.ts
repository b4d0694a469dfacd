import type { Source } from '@airlock/database'
import type { ObjectAddress } from '@airlock/storage'

/** Where the bytes of an upload wait: under its quarantine key, or where they lie in another bucket. */
export const sourceAddress = ({ quarantineKey, source }: { quarantineKey: string; source: Source | null }): ObjectAddress =>
  source ?? quarantineKey
