import { EntitySchema } from 'typeorm'
import { momentOfInsert } from './columns.ts'

/** Who uploads. The table may belong to the product around Airlock; only these two columns concern us. */
export interface UserRow {
  readonly id: string
  readonly createdAt: Date
}

export const User = new EntitySchema<UserRow>({
  name: 'User',
  tableName: 'users',
  columns: {
    id: { type: 'uuid', primary: true },
    createdAt: { ...momentOfInsert, name: 'created_at' },
  },
})
