/** `npm run check:imports`: exits with 1, and prints file, import and rule for each import that points up or sideways. */
import { fileURLToPath } from 'node:url'
import { findBreaches } from './breaches.ts'
import { levels } from './levels.ts'

const root = process.argv[2] ?? fileURLToPath(new URL('../..', import.meta.url))
const breaches = findBreaches(root, levels)
for (const { where, rule } of breaches) process.stdout.write(`${where} ${rule}\n`)
process.stdout.write(breaches.length === 0 ? 'Imports point down only.\n' : `${breaches.length} imports against the table of levels.\n`)
process.exitCode = breaches.length === 0 ? 0 : 1
