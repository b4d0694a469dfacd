import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Runs as it is in development, and built elsewhere. */
export const program = fileURLToPath(new URL(`./inspector-process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url))

/**
 * All that an inspector process finds in its environment: none of its parent's, so no credentials.
 *
 * libvips would unpack pictures of more than 100 MiB into a file; they stay in memory, where the process's own limit sees them.
 */
export const environment: NodeJS.ProcessEnv = { MALLOC_ARENA_MAX: '2', VIPS_DISC_THRESHOLD: '64g' }

/**
 * No writing of files, no processes, no threads, and nothing is read but programs; native code only because the decoder is. The heap is
 * bounded as well as the whole. How modules are found is taken over from this process. Node's permissions know no network: `withoutNetwork`.
 */
export function execArgv(maxMemoryMiB: number): string[] {
  const conditions = process.execArgv.filter(
    (argument, i, all) => /^(?:-C|--conditions)/.test(argument) || /^(?:-C|--conditions)$/.test(all[i - 1] ?? ''),
  )
  return [
    ...conditions,
    '--permission',
    ...foldersOfPrograms().map((folder) => `--allow-fs-read=${join(folder, '/')}`),
    '--allow-addons',
    '--no-warnings',
    `--max-old-space-size=${Math.ceil(maxMemoryMiB / 2)}`,
  ]
}

/** This package, the one that it is built on, and wherever others are found. */
function foldersOfPrograms(): string[] {
  const { resolve } = createRequire(import.meta.url)
  const folders = [join(dirname(program), '../..'), join(dirname(resolve('@airlock/domain')), '..'), ...(resolve.paths('sharp') ?? [])]
  return folders.filter((folder) => existsSync(folder))
}
