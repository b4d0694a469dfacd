import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import type { Database, EventRecord } from '../src/index.ts'

/** Gives positions to all that is committed. @returns how many */
export async function placeAll({ eventRelay }: Database): Promise<number> {
  const holder = randomUUID()
  if (!(await eventRelay.take({ holder, leaseSeconds: 60 }))) throw new Error('another relay is at it')
  const placed = await eventRelay.place({ holder, leaseSeconds: 60, limit: 1000 })
  await eventRelay.end({ holder })
  return placed ?? 0
}

/** All that the feed has. */
export async function feed({ events }: Database, after = 0): Promise<readonly EventRecord[]> {
  return (await events.after({ after, limit: 1000 })).events
}

/** What is written of an upload, whether or not it has a position. */
export async function eventsOf(
  sql: Client,
  uploadId: string,
): Promise<{ type: string; sequence: number; payload: Record<string, unknown> }[]> {
  const { rows } = await sql.query('select type, sequence, payload from events where upload_id = $1 order by sequence', [uploadId])
  return rows
}

/** Makes it as if nothing had ever happened. */
export const forgetEvents = (sql: Client) =>
  sql.query('truncate events, event_sequences, event_relay, webhook_endpoints, webhook_deliveries')
