import { parseArgs } from 'node:util'
import {
  databaseSettings,
  databaseVariables,
  readConfig,
  storeSettings,
  storeVariables,
  sweepSettings,
  sweepVariables,
} from '@airlock/config'
import { type OpsLog, openDatabase } from '@airlock/database'
import { inboxPrefix } from '@airlock/domain'
import { clearFromInbox, type InboxDeps, type InboxProblem, inboxProblemKinds, inboxProblems } from '@airlock/lifecycle'
import { JobQueue } from '@airlock/queue'
import { s3ObjectStore } from '@airlock/storage'
import { type Command, type CommandIo, UsageError } from '../command.ts'
import { changeOptions, changeOptionsHelp, confirmed, operatorNote } from '../operator.ts'
import { age, printable, Table } from '../table.ts'

const names = [...databaseVariables, ...storeVariables, 'REDIS_URL', ...sweepVariables] as const

type Kind = InboxProblem['kind']
const kinds = Object.keys(inboxProblemKinds) as Kind[]

interface Request {
  readonly what: 'list' | 'clear'
  readonly keys: readonly string[]
  readonly kind: Kind | null
  readonly values: {
    readonly yes: boolean
    readonly json: boolean
    readonly 'dry-run': boolean
    readonly reason?: string
    readonly by?: string
  }
}

type Deps = InboxDeps & { opsLog: OpsLog; options: { inboxEnqueueAfterSeconds: number } }

export const inboxCommand: Command = {
  name: 'inbox',
  summary: "list objects in the pipeline's inbox that need a decision, and remove them",
  usage: `list [--kind <kind>] [--json]
       npm run ops -- inbox clear <key>… | --kind <kind> | --all  [--reason <text>] [--dry-run] [--yes] [--json]

  list               objects that are not enqueued, with the reason
  clear              removes them; each is judged again before, and an object that has become an upload stays
  --kind <kind>      ${kinds.map((kind) => `${kind}: ${inboxProblemKinds[kind]}`).join('\n                     ')}
  --all              all that list prints

Changes:
${changeOptionsHelp}

The bytes are gone afterwards. Disputed objects are known as long as Redis keeps the failed job, seven days.
Exit codes: 0 done, 1 failed, an object was not removed, or not confirmed, 2 invalid arguments.`,
  example: "clear --kind disputed --reason 'the pipeline of project 7 sent the wrong owner' --dry-run",
  async run(args, io) {
    const request = requestOf(args)
    const config = readConfig(io.env, names)
    const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
    const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
    const store = s3ObjectStore(storeSettings(config))
    const jobQueue = new JobQueue({ redisUrl: config.REDIS_URL, onError: ({ message }) => io.err(`redis: ${message}`) })
    try {
      await jobQueue.ready()
      const deps = { uploads: database.uploads, opsLog: database.opsLog, store, jobQueue, options: sweepSettings(config) }
      return request.what === 'list' ? await list(request, deps, io) : await clear(request, deps, io)
    } finally {
      await Promise.all([jobQueue.close(), database.close()])
      store.close()
    }
  },
}

function requestOf([what, ...args]: string[]): Request {
  if (what !== 'list' && what !== 'clear')
    throw new UsageError(`inbox ${what === undefined ? 'needs' : `'${what}' does not exist:`} list or clear`)
  const options = { ...changeOptions, kind: { type: 'string' }, all: { type: 'boolean', default: false } } as const
  const { values, positionals: keys } = parseArgs({ args, allowPositionals: true, options })
  const kind = kinds.find((known) => known === values.kind) ?? null
  if (values.kind !== undefined && kind === null) throw new UsageError(`--kind is '${values.kind}': ${kinds.join(', ')}`)
  if (what === 'list' && (keys.length > 0 || values.all)) throw new UsageError('list takes only --kind and --json')
  const ways = [keys.length > 0, kind !== null, values.all].filter(Boolean).length
  if (what === 'clear' && ways !== 1) throw new UsageError('which objects? clear takes keys, --kind, or --all')
  const wrong = keys.find((key) => !key.startsWith(inboxPrefix))
  if (wrong !== undefined) throw new UsageError(`'${wrong}' is not a key in the inbox: it begins with ${inboxPrefix}`)
  return { what, keys, kind, values }
}

async function* problems({ kind, keys }: Request, { options, ...deps }: Deps): AsyncGenerator<InboxProblem> {
  let after: string | null = null
  do {
    const page: Awaited<ReturnType<typeof inboxProblems>> = await inboxProblems(after, options, deps)
    for (const problem of page.problems) {
      if ((kind === null || problem.kind === kind) && (keys.length === 0 || keys.includes(problem.key))) yield problem
    }
    after = page.next
  } while (after !== null)
}

const problemTable = (now: Date) =>
  new Table<InboxProblem>([
    { title: 'KIND', width: 8, of: ({ kind }) => kind },
    { title: 'FOR', width: 4, of: ({ lastModified }) => age(now.getTime() - lastModified.getTime()) },
    { title: 'MIB', width: 6, of: ({ sizeBytes }) => (sizeBytes / 1024 / 1024).toFixed(1) },
    { title: 'REASON', width: 76, of: ({ detail }) => detail },
  ])

const forPrograms = ({ key, kind, detail, sizeBytes, lastModified }: InboxProblem) => ({
  ...{ key, kind, detail, size_bytes: sizeBytes, last_modified: lastModified.toISOString() },
})

/** Keys are longer than a column, so each has a line of its own, from which it can be copied. */
async function list(request: Request, deps: Deps, { out }: CommandIo): Promise<number> {
  const table = problemTable(await deps.uploads.clock())
  const listed: object[] = []
  let count = 0
  for await (const problem of problems(request, deps)) {
    if (request.values.json) listed.push(forPrograms(problem))
    else {
      if (count === 0) out(table.header)
      out(`${table.row(problem)}\n  ${printable(problem.key)}`)
    }
    count += 1
  }
  if (request.values.json) out(JSON.stringify({ objects: listed }, null, 2))
  else out(count === 0 ? 'No object needs a decision.' : `${count} ${count === 1 ? 'object needs' : 'objects need'} a decision`)
  return 0
}

async function clear(request: Request, deps: Deps, io: CommandIo): Promise<number> {
  const { keys, values } = request
  if (values['dry-run']) return list(request, deps, io)
  const by = operatorNote(values)
  const chosen: string[] = [...new Set(keys)]
  if (keys.length === 0) for await (const { key } of problems(request, deps)) chosen.push(key)
  if (chosen.length > 0 && !(await confirmed(`Remove ${chosen.length} objects from the inbox?`, values.yes, io))) return 1
  const { options, ...rest } = deps
  const results: { key: string; result: string }[] = []
  for (const key of chosen) {
    const result = await clearFromInbox(key, by, options, rest)
    results.push({ key, result })
    if (!values.json) io.out(`${result.padEnd(10)}  ${printable(key)}`)
  }
  const cleared = results.filter(({ result }) => result === 'cleared').length
  io.out(values.json ? JSON.stringify({ cleared, objects: results }, null, 2) : `${cleared} of ${chosen.length} removed`)
  return cleared === chosen.length ? 0 : 1
}
