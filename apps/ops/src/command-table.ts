import type { Command } from './command.ts'
import { bucketCommand } from './commands/bucket/index.ts'
import { docsCommand } from './commands/docs.ts'
import { doctorCommand } from './commands/doctor/index.ts'
import { expiringCommand } from './commands/expiring.ts'
import { inboxCommand } from './commands/inbox.ts'
import { inspectCommand } from './commands/inspect/index.ts'
import { jobsCommand } from './commands/jobs/index.ts'
import { drainCommand, pauseCommand, resumeCommand } from './commands/lanes.ts'
import { listenCommand } from './commands/listen/index.ts'
import { probeCommand } from './commands/probe/index.ts'
import { reinspectCommand } from './commands/reinspect/index.ts'
import { statusCommand } from './commands/status/index.ts'
import { sweepCommand } from './commands/sweep.ts'
import { tokenCommand } from './commands/token.ts'
import { verifyCommand } from './commands/verify.ts'
import { webhooksCommand } from './commands/webhooks.ts'

/** Every command, in the order in which `--help` lists them. */
export const commands: readonly Command[] = [
  statusCommand,
  doctorCommand,
  inspectCommand,
  tokenCommand,
  jobsCommand,
  pauseCommand,
  resumeCommand,
  drainCommand,
  inboxCommand,
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
