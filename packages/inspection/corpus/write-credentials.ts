import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { signedFiles } from './credentials.ts'

/** Writes every signed file and its variants into a folder, for `judge-credentials.py`, and prints their names. */
const folder = process.argv[2] ?? '.'
for (const { name, filename, make } of signedFiles) {
  await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, name, filename), make())
}
process.stdout.write(JSON.stringify(signedFiles.map(({ name, filename }) => `${name}/${filename}`)))
