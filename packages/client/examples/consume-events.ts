import { readFile, writeFile } from 'node:fs/promises'
import { Airlock } from '@airlock/client'

const airlock = new Airlock({ baseUrl: process.env.AIRLOCK_URL ?? '', token: process.env.AIRLOCK_TOKEN ?? '' })
const cursor = await readFile('cursor', 'utf8').catch(() => undefined)
for await (const { events, next } of airlock.events.consume(cursor)) {
  for (const { type, data } of events) console.log(type, data.filename)
  await writeFile('cursor', next) // after the work: a page that was interrupted comes again
}
