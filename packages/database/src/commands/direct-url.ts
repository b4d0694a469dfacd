import type { Environment } from './command.ts'

/**
 * The connection for migrations, from the environment. This package can't use `@airlock/config` (it is for the apps),
 * and needs no more than these two.
 *
 * @throws Error with a sentence that names the variable and says what it should be
 */
export function directUrl(env: Environment): string {
  const name = env.DATABASE_DIRECT_URL ? 'DATABASE_DIRECT_URL' : 'DATABASE_URL'
  const url = env[name]
  if (!url) throw new Error('DATABASE_URL is missing: where Postgres is, for example postgresql://user:password@127.0.0.1:5432/airlock')
  if (!/^postgres(ql)?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new Error(`${name} is no Postgres URL: postgresql://user:password@host:port/name`)
  }
  return url
}
