import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'

export type Environment = Readonly<Record<string, string | undefined>>

/** The environment and the output streams of a command. */
export interface CommandIo {
  readonly env: Environment
  out(text: string): void
  err(text: string): void
}

/**
 * Runs a command: prints its usage for `--help` and for unknown flags, and an error as one sentence.
 *
 * @param flags the flags, all without a value
 * @returns the exit code: 0, 1 when `run` failed, 2 when the flags were wrong
 */
export async function runCommand<F extends string>(
  { usage, flags, args, io }: { usage: string; flags: readonly F[]; args: string[]; io: CommandIo },
  run: (given: Partial<Record<F, boolean>>) => Promise<void>,
): Promise<number> {
  const options: ParseArgsOptionsConfig = { help: { type: 'boolean', short: 'h' } }
  for (const flag of flags) options[flag] = { type: 'boolean' }
  let given: Partial<Record<F | 'help', boolean>>
  try {
    given = parseArgs({ args, options }).values as typeof given
  } catch (error) {
    io.err(`${(error as Error).message}\n\n${usage}`)
    return 2
  }
  if (given.help) {
    io.out(usage)
    return 0
  }
  return run(given).then(
    () => 0,
    (error: Error) => {
      io.err(`${error.message}\n`)
      return 1
    },
  )
}

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
