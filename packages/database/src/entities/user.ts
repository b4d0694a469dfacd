import { EntitySchema } from 'typeorm'
import { momentOfInsert } from './columns.ts'

/** An owner of uploads. The table may belong to the surrounding product; Airlock uses only these two columns. */
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
