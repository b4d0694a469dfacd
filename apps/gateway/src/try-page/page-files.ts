import { globSync, readFileSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { ConfigError } from '@airlock/config'

/** Where the page and the samples are, beside this app. They are read, never imported. */
const repository = join(import.meta.dirname, '../../../..')
export const tryPageFolders: TryPageFolders = {
  page: join(repository, 'apps/try-page/dist'),
  samples: join(repository, 'examples/samples'),
}

export interface TryPageFolders {
  readonly page: string
  readonly samples: string
}

export interface PageFile {
  readonly path: string
  readonly type: string
  readonly body: Buffer
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The files of the built page, by their paths on this gateway. @throws ConfigError if it has not been built */
export function pageFiles(folder: string): PageFile[] {
  const files = globSync(['index.html', 'assets/*'], { cwd: folder }).map((file) => ({
    path: file === 'index.html' ? '/' : `/try/assets/${basename(file)}`,
    type: types[extname(file)] ?? 'application/octet-stream',
    body: readFileSync(join(folder, file)),
  }))
  if (files.some(({ path }) => path === '/')) return files
  const problem = 'is true, but the page has not been built: npm run build -w apps/try-page, or npm start'
  throw new ConfigError([{ name: 'TRY_PAGE', problem, missing: false }])
}

/** A file of `examples/samples`, with its row in `samples.json`. */
export interface TrySample {
  readonly file: string
  readonly asset_type: string
  /** `completed`, or the code with which it is refused or rejected. */
  readonly expected: string
  readonly body: Buffer
}

export function trySamples(folder: string): TrySample[] {
  const rows = JSON.parse(readFileSync(join(folder, 'samples.json'), 'utf8')) as Omit<TrySample, 'body'>[]
  return rows.map((row) => ({ ...row, body: readFileSync(join(folder, row.file)) }))
}
