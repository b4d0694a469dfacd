import type { Environment } from './command.ts'

/**
 * The connection for migrations, from the environment. `@airlock/config` is for apps only, and these two variables are enough here.
 *
 * @throws Error naming the variable and its expected value
 */
export function directUrl(env: Environment): string {
  const name = env.DATABASE_DIRECT_URL ? 'DATABASE_DIRECT_URL' : 'DATABASE_URL'
  const url = env[name]
  if (!url) throw new Error('DATABASE_URL is missing: the URL of Postgres, for example postgresql://user:password@127.0.0.1:5432/airlock')
  if (!/^postgres(ql)?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new Error(`${name} is not a Postgres URL: postgresql://user:password@host:port/name`)
  }
  return url
}
