import { queueLanes } from '@airlock/queue'
import { type Command, UsageError } from '../../command.ts'
import { changeOptionsHelp } from '../../operator.ts'
import { decide, decisionNames } from './decide.ts'
import { defaultListed, list, maxListed } from './list.ts'
import { defaultLimit, maxLimit, queues } from './queues.ts'
import { filterHelp } from './selection.ts'

export const jobsCommand: Command = {
  name: 'jobs',
  summary: 'list uploads, and retry, release or cancel them; count the jobs of each queue',
  usage: `list [filters] [--limit <count>] [--json]
       npm run ops -- jobs retry|release|cancel <id>… | <filters> | --all  [--reason <text>] [--dry-run] [--yes] [--json]
       npm run ops -- jobs [queues] [--queue ${queueLanes.join('|')}] [--limit <count>] [--json]

  list     uploads of all users, the latest in their state first; without --state those that have not ended
  retry    parked uploads: another series of attempts
  release  parked uploads: they are rejected, and their bytes are removed
  cancel   received, processing and parked uploads: the same, whatever their state
  queues   the number of jobs in each queue, and failed jobs with the reason

Filters:
${filterHelp}
  --all              all uploads to which the command applies

Changes:
${changeOptionsHelp}

  --limit <count>    list: at most so many uploads, default ${defaultListed}, at most ${maxListed}; queues: failed jobs per queue, default ${defaultLimit}, at most ${maxLimit}
  --queue <lane>     queues: only this one

An upload that has moved in between is reported, and is not a failure. Several uploads are changed after a confirmation. A run that was
stopped is continued by the same command. Exit codes: 0 done, 1 failed, an id is unknown, or not confirmed, 2 invalid arguments.

Queues only wake workers; the state of an upload is in Postgres. A job fails, and is not retried, if its payload violates the contract, if it
announces a missing object, or if its upload was parked. The video is not affected: the sweeper registers a video in the inbox that has the
required x-amz-meta headers, and it becomes an upload without the job.`,
  example: "retry --code processing_failed --since 2h --reason 'the store is back'",
  run([what, ...args], io) {
    if (what === undefined || what.startsWith('-')) return queues(what === undefined ? [] : [what, ...args], io)
    if (what === 'queues') return queues(args, io)
    if (what === 'list') return list(args, io)
    const name = decisionNames.find((known) => known === what)
    if (name === undefined) throw new UsageError(`'jobs ${what}' does not exist: list, ${decisionNames.join(', ')} or queues`)
    return decide(name, args, io)
  },
}
