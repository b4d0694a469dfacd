/** The process of the reaper; see reaper.ts. Usage: node reaper-process.ts FOLDER [--remove-data] */
import { rmSync } from 'node:fs'
import { endLeftovers, removeServerData } from './leftovers.ts'
import { readStackRecord } from './stack-file.ts'

const [folder = '', removeData] = process.argv.slice(2)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

let said = ''
for await (const chunk of process.stdin) said += chunk
const record = said === 'dismissed' ? null : readStackRecord(folder)
if (record !== null) {
  await endLeftovers(record, { byForce: removeData !== undefined })
  if (removeData) {
    await removeServerData(record)
    rmSync(folder, { recursive: true, force: true })
  }
}
