import { readFileSync } from 'node:fs'
import { assetTypes, listedProvenances } from '@airlock/domain'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { assetUrls, deleteAssets, listAssets } from './commands/assets.ts'
import { jobs } from './commands/jobs.ts'
import { login, logout } from './commands/login.ts'
import type { Context } from './context.ts'
import { failureOf, Misuse } from './failure.ts'
import { serverUrl } from './server.ts'
import { upload } from './upload/command.ts'

export const exitCodes = { done: 0, failed: 1, misused: 2, stopped: 130 } as const

/** More connections gain nothing, and each file that is sent needs up to 64 MiB of memory. */
const mostAtOnce = 16

const helpWidth = 80

/** Runs the command that the arguments name. @returns the exit code */
export async function run(args: readonly string[], context: Context): Promise<number> {
  const { terminal } = context
  let code: number = exitCodes.done
  const program = programOf(context, (result) => (code = result))
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.misused
    if ((error as NodeJS.ErrnoException).code === 'ABORT_ERR') return exitCodes.stopped // Ctrl-C in place of an answer
    const isMisuse = error instanceof Misuse
    const url = isMisuse ? '' : serverUrl(terminal.env, undefined)
    for (const line of (isMisuse ? error.message : failureOf(error, url).detail).split('\n'))
      terminal.err(`${terminal.paint('red', 'Error:')} ${line}`)
    return isMisuse ? exitCodes.misused : exitCodes.failed
  }
}

function programOf(context: Context, end: (code: number) => void): Command {
  const { terminal } = context
  const width = () => Math.min(helpWidth, terminal.columns)
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const program = new Command('airlock')
    .description('Uploads files to Airlock, which inspects them, and lists and deletes what has become of them.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
      getOutHelpWidth: width,
      getErrHelpWidth: width,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', environmentHelp)

  const command = (name: string, parent = program) =>
    parent
      .command(name)
      .showHelpAfterError(`Run 'airlock ${parent === program ? '' : `${parent.name()} `}${name.split(' ')[0]} --help' for its options.`)
  const withServer = (made: Command) => made.option('--url <url>', 'the server, if not AIRLOCK_URL or that of the last login')

  addUpload(withServer(command('upload <file...>')), context, end)
  addJobs(withServer(command('jobs [id...]')), context, end)
  const assets = program.command('assets').description('list, read and delete assets')
  addAssets((name) => withServer(command(name, assets)), context, end)
  addLogin((name) => withServer(command(name)), context, end)
  return program
}

const environmentHelp = `
Environment:
  AIRLOCK_URL    the server; http://127.0.0.1:3000 if nothing else names one
  AIRLOCK_TOKEN  the token, in place of a stored one
  NO_COLOR       no colours

Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 130 stopped by Ctrl-C.`

function addUpload(command: Command, context: Context, end: (code: number) => void): void {
  command
    .description('upload files, folders and patterns, and wait for the verdict on each')
    .addOption(assetTypeOption('the kind of all files (by default from the extension)'))
    .option('--project <id>', 'the project of generated videos', uuid)
    .option('--brand <id>', 'the brand of training sets, or of pictures', uuid)
    .option('--metadata <name=value>', 'is kept with the assets; may be repeated', pair)
    .option('--concurrency <n>', `files at the same time, 1 to ${mostAtOnce}`, numberUpTo(mostAtOnce), 4)
    .option('--wait', 'wait until each file is inspected (the default)')
    .option('--no-wait', 'end when Airlock has accepted the files')
    .option('--fresh', 'upload also what an earlier run has finished')
    .option('--json', 'print a line of JSON for each file')
    .addHelpText('after', uploadHelp)
    .action(async (files, options) => end(await upload(files, { ...options, wait: options.wait ?? true }, context)))
}

const uploadHelp = `
Folders are searched for files that Airlock takes; hidden files and links are
left out. Files of more than 16 MiB are sent in parts.

The same command continues an upload that was interrupted, and does not repeat
files that were finished. It begins anew once all files are assets.

Examples:
  airlock upload logo.png photos/
  airlock upload 'cuts/**/*.mp4' --project 0198c0de-0000-7000-8000-000000000002
  airlock upload set.zip --brand 0198c0de-0000-7000-8000-000000000003 --json`

function addJobs(command: Command, context: Context, end: (code: number) => void): void {
  command
    .description('list uploads, the newest first, or follow them')
    .option('--watch', 'follow them until all have ended; without ids, those that\nhave not ended')
    .addOption(new Option('--status <status>', 'only these').choices(['queued', 'processing', 'completed', 'rejected', 'failed']))
    .option('--limit <n>', 'how many', numberUpTo(10_000), 20)
    .option('--json', 'print a line of JSON for each job')
    .action(async (ids, options) => end(await jobs(ids, options, context)))
}

function addAssets(command: (name: string) => Command, context: Context, end: (code: number) => void): void {
  command('list')
    .description('list assets, the newest first')
    .addOption(assetTypeOption('only assets of this kind'))
    .option('--project <id>', 'only those of this project', uuid)
    .option('--brand <id>', 'only those of this brand', uuid)
    .addOption(
      new Option('--provenance <state>', 'only those whose content credentials are so;\nnone: without').choices([...listedProvenances]),
    )
    .addOption(new Option('--ai-generated <answer>', 'only those that are stated to be, or not to be').choices(['yes', 'no']))
    .option('--limit <n>', 'how many', numberUpTo(100_000), 20)
    .option('--json', 'print a line of JSON for each asset')
    .action(async (options) => end(await listAssets(options, context)))
  command('url <id...>')
    .description('print a URL that reads an asset without a token')
    .option('--hours <n>', 'how long the URL is valid', numberUpTo(168))
    .option('--download', 'a browser stores the file in place of showing it')
    .option('--json', 'print the asset as JSON')
    .action(async (ids, options) => end(await assetUrls(ids, options, context)))
  command('delete <id...>')
    .description('delete assets for ever')
    .option('--force', 'also if a brand shows them')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'print a line of JSON for each asset')
    .action(async (ids, options) => end(await deleteAssets(ids, options, context)))
}

function addLogin(command: (name: string) => Command, context: Context, end: (code: number) => void): void {
  command('login [token]')
    .description('store a token for a server')
    .option('--token-file <file>', "read the token from a file; '-': from standard input")
    .addHelpText('after', loginHelp)
    .action(async (token, options) => end(await login(token, options, context)))
  command('logout')
    .description('delete the stored token of a server')
    .action(async (options) => end(await logout(options, context)))
}

const loginHelp = `
Without an argument and a file, the token is that of AIRLOCK_TOKEN, or is asked
for. An argument stays in the history of the shell. The token is stored in
$XDG_CONFIG_HOME/airlock/logins.json (~/.config/airlock), which only you can
read, and is sent to its server only.

Examples:
  airlock login --url https://airlock.example.com
  airlock login --token-file token.txt`

const assetTypeOption = (description: string): Option => new Option('--asset-type <type>', description).choices(assetTypes)

function uuid(text: string): string {
  if (/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)) return text
  throw new InvalidArgumentError('It is not a UUID.')
}

const numberUpTo = (most: number) => (text: string) => {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value
  throw new InvalidArgumentError(`It is not a whole number from 1 to ${most}.`)
}

function pair(text: string, others: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It is not name=value.')
  return { ...others, [name]: value }
}
