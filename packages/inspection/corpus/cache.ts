import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { manifest } from './manifest.ts'

const here = fileURLToPath(new URL('./', import.meta.url))
const cache = fileURLToPath(new URL('../../../node_modules/.cache/airlock-corpus/', import.meta.url))

/**
 * The folder with all files of the corpus. It is created when it is missing, and again when any of its sources has changed.
 *
 * If several processes create it at once, the first one's folder is kept.
 */
export async function corpusFolder(): Promise<string> {
  const folder = join(cache, await digestOfSources())
  if (await isThere(folder)) return folder
  await mkdir(cache, { recursive: true })
  const made = await mkdtemp(join(cache, 'being-made-'))
  for (const { file, make } of manifest) {
    const path = join(made, file)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, await make())
  }
  await rename(made, folder).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    await rm(made, { recursive: true })
  })
  await dropOthers(folder)
  return folder
}

async function digestOfSources(): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(sharp.versions))
  const entries = await readdir(here, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  for (const path of paths.sort()) hash.update(path.slice(here.length)).update(await readFile(path))
  return hash.digest('hex').slice(0, 16)
}

const isThere = (folder: string): Promise<boolean> =>
  readdir(folder).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )

/** Removes folders of earlier sources, but not those that are being created. */
async function dropOthers(folder: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (/^[0-9a-f]{16}$/.test(name) && join(cache, name) !== folder) await rm(join(cache, name), { recursive: true, force: true })
  }
}
