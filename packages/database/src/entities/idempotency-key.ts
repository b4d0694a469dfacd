import { EntitySchema } from 'typeorm'
import { moment, momentOfInsert } from './columns.ts'

/** A request that its caller may repeat. */
export interface IdempotencyKeyRow {
  readonly userId: string
  readonly key: string
  /** The fencing token: it changes whenever the request is taken over. */
  readonly token: string
  readonly state: 'in_flight' | 'done'
  readonly fingerprint: string | null
  readonly answer: unknown
  readonly uploadIds: string[]
  readonly leaseUntil: Date
  readonly createdAt: Date
  readonly expiresAt: Date
}

export const IdempotencyKey = new EntitySchema<IdempotencyKeyRow>({
  name: 'IdempotencyKey',
  tableName: 'idempotency_keys',
  columns: {
    userId: { name: 'user_id', type: 'uuid', primary: true },
    key: { type: 'varchar', length: 255, primary: true },
    token: { type: 'uuid' },
    state: { type: 'text', default: () => "'in_flight'::text" },
    fingerprint: { type: 'text', nullable: true },
    answer: { type: 'jsonb', nullable: true },
    uploadIds: { name: 'upload_ids', type: 'uuid', array: true, default: () => "'{}'::uuid[]" },
    leaseUntil: { ...moment, name: 'lease_until', nullable: false },
    createdAt: { ...momentOfInsert, name: 'created_at' },
    expiresAt: { ...moment, name: 'expires_at', nullable: false },
  },
})
