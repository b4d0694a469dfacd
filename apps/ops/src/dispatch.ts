import { ConfigError, errorLine } from '@airlock/config'
import { type Command, type CommandIo, invocation, UsageError } from './command.ts'

const exitCodes = { done: 0, failed: 1, misused: 2 } as const

const helpWords: readonly string[] = ['--help', '-h', 'help']

/**
 * Runs the command that the arguments name, and prints failures in readable form.
 *
 * @param args the arguments after `npm run ops --`
 * @returns the exit code: that of the command, 1 if it failed, 2 if the arguments were invalid
 */
export async function dispatch(commands: readonly Command[], args: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined) {
    io.err(overview(commands))
    return exitCodes.misused
  }
  if (helpWords.includes(name)) {
    io.out(overview(commands))
    return exitCodes.done
  }
  const command = commands.find((candidate) => candidate.name === name)
  if (command === undefined) {
    io.err(`Command '${name}' does not exist.\n\n${overview(commands)}`)
    return exitCodes.misused
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    io.out(helpOf(command))
    return exitCodes.done
  }
  return run(command, rest, io)
}

async function run(command: Command, args: string[], io: CommandIo): Promise<number> {
  try {
    return await command.run(args, io)
  } catch (error) {
    if (isMisuse(error)) {
      io.err(`${error.message}\n\n${helpOf(command)}`)
      return exitCodes.misused
    }
    io.err(error instanceof ConfigError ? settingsProblem(error) : `${command.name} failed: ${errorLine(error)}`)
    return exitCodes.failed
  }
}

/** If all settings are missing, the cause is that no `npm start` is running here and nothing else names the servers. */
const settingsProblem = ({ problems, message }: ConfigError): string =>
  problems.every(({ missing }) => missing)
    ? `No 'npm start' is running in this folder, and neither the environment nor .env sets ${problems.map(({ name }) => name).join(', ')}.`
    : message

/** `parseArgs` of `node:util` throws plain TypeErrors; only their code distinguishes them from bugs. */
function isMisuse(error: unknown): error is Error {
  if (error instanceof UsageError) return true
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')
}

const helpOf = ({ name, summary, usage, example }: Command): string =>
  `ops ${name}: ${summary}\n\nUsage: npm run ops -- ${name} ${usage}\n\nExample: npm run ops -- ${name} ${example}`
    .trimEnd()
    .replaceAll('npm run ops --', invocation)

function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return [
    'Airlock operations.',
    '',
    `Usage: ${invocation} <command> [options]`,
    `       ${invocation} <command> --help`,
    '',
    ...rows,
    '',
    'Exit codes: 0 done, 1 failed, findings, or not confirmed, 2 invalid arguments (docs/ops.md).',
    'Settings come from the environment (docs/configuration.md), then from an `npm start` running in this folder, then from .env.',
  ].join('\n')
}
