import { deleteAllRows } from '@airlock/testkit'
import type { Client } from 'pg'
import type { Database, EventRecord } from '../src/index.ts'

/** Assigns positions to all committed events. @returns their number */
export async function placeAll({ eventRelay }: Database): Promise<number> {
  const placed = await eventRelay.place({ limit: 1000 })
  if (placed === null) throw new Error('another relay is at work')
  return placed
}

/** The whole feed. */
export async function feed({ events }: Database, after = 0): Promise<readonly EventRecord[]> {
  return (await events.after({ after, limit: 1000 })).events
}

/** The events of an upload, with or without positions. */
export async function eventsOf(
  sql: Client,
  uploadId: string,
): Promise<{ type: string; sequence: number; payload: Record<string, unknown> }[]> {
  const { rows } = await sql.query('select type, sequence, payload from events where upload_id = $1 order by sequence', [uploadId])
  return rows
}

/** Removes all events. */
export const forgetEvents = (sql: Client) => deleteAllRows(sql)
