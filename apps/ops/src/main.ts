import { errorLine, errorText } from '@airlock/config'
import type { Command, CommandIo } from './command.ts'
import { bucketCommand } from './commands/bucket/index.ts'
import { docsCommand } from './commands/docs.ts'
import { expiringCommand } from './commands/expiring.ts'
import { jobsCommand } from './commands/jobs.ts'
import { listenCommand } from './commands/listen/index.ts'
import { probeCommand } from './commands/probe/index.ts'
import { reinspectCommand } from './commands/reinspect.ts'
import { sweepCommand } from './commands/sweep.ts'
import { tokenCommand } from './commands/token.ts'
import { verifyCommand } from './commands/verify.ts'
import { webhooksCommand } from './commands/webhooks.ts'
import { dispatch } from './dispatch.ts'
import { settingsOf } from './stack-settings.ts'

/** Every command, in the order in which `--help` lists them. */
const commands: readonly Command[] = [
  tokenCommand,
  jobsCommand,
  sweepCommand,
  verifyCommand,
  expiringCommand,
  webhooksCommand,
  listenCommand,
  reinspectCommand,
  probeCommand,
  bucketCommand,
  docsCommand,
]

const out: CommandIo['out'] = (text) => process.stdout.write(`${text}\n`)
const err: CommandIo['err'] = (text) => process.stderr.write(`${text}\n`)

// Node's own report would include the context that drivers attach to errors, such as commands with their arguments.
process.on('uncaughtException', (error) => {
  err(errorText(error))
  process.exit(1)
})

process.exitCode = await main()

async function main(): Promise<number> {
  try {
    return await dispatch(commands, process.argv.slice(2), { env: settingsOf(process.env), out, err })
  } catch (error) {
    err(errorLine(error))
    return 1
  }
}
