import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { Environment } from './read-config.ts'

/** A settings file in the format of `.env.example`. */
export interface EnvFile {
  readonly path: string
  readonly values: Readonly<Record<string, string | undefined>>
}

/**
 * Reads `.env` in the working directory, or the file that `AIRLOCK_ENV_FILE` names; empty means none.
 *
 * @returns null if there is no file
 * @throws Error when the file can't be read, or when the named file is missing
 */
export function readEnvFile(env: Environment): EnvFile | null {
  const named = env.AIRLOCK_ENV_FILE
  if (named === '') return null
  const path = resolve(named ?? '.env')
  try {
    return { path, values: parseEnv(readFileSync(path, 'utf8')) }
  } catch (cause) {
    if (named === undefined && (cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Error(`${path} can't be read: ${(cause as Error).message}`, { cause })
  }
}

/**
 * Adds the settings of `.env` to the environment. Variables that the environment sets take precedence, even when empty.
 *
 * @param env usually `process.env`, since libraries read some settings from there; modified
 * @returns the path of the file, for the log, or null if there is none
 */
export function loadEnvFile(env: NodeJS.ProcessEnv): string | null {
  const file = readEnvFile(env)
  for (const [name, value] of Object.entries(file?.values ?? {})) env[name] ??= value
  return file?.path ?? null
}
