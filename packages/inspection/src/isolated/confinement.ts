import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The program of inspector processes: TypeScript in development, otherwise its build. */
export const program = fileURLToPath(new URL(`./inspector-main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url))

/**
 * The environment of an inspector process. It contains nothing of its parent's, so no credentials.
 *
 * libvips would unpack pictures of more than 100 MiB into a file; with this threshold they stay in memory, where the process's limit applies.
 */
export const environment: NodeJS.ProcessEnv = { MALLOC_ARENA_MAX: '2', VIPS_DISC_THRESHOLD: '64g' }

/**
 * Node's arguments for an inspector process: it can't write files, start processes or threads, or read anything but programs. Native code is allowed
 * because the decoder is native. The heap is bounded, and so is the whole process. Modules are resolved under the same conditions as in this process.
 * Node's permissions do not cover the network: see `disableNetwork`.
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
    // a long video is hashed in pieces, which would be garbage for too long
    '--expose-gc',
    `--max-old-space-size=${Math.ceil(maxMemoryMiB / 2)}`,
  ]
}

/** Folders of this package, of `@airlock/domain`, and of installed packages. */
function foldersOfPrograms(): string[] {
  const { resolve } = createRequire(import.meta.url)
  const folders = [join(dirname(program), '../..'), join(dirname(resolve('@airlock/domain')), '..'), ...(resolve.paths('sharp') ?? [])]
  return folders.filter((folder) => existsSync(folder))
}
