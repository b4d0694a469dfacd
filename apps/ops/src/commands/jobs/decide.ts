import { parseArgs } from 'node:util'
import { databaseSettings, databaseVariables, readConfig, storeSettings, storeVariables } from '@airlock/config'
import {
  type Cursor,
  type OperatorNote,
  openDatabase,
  type UploadFilter,
  type UploadRecord,
  type UploadRepository,
} from '@airlock/database'
import type { UploadState } from '@airlock/domain'
import { cancel, release, retryParked } from '@airlock/lifecycle'
import { JobQueue, JobQueueUnreachable } from '@airlock/queue'
import { type ObjectStore, s3ObjectStore } from '@airlock/storage'
import { type CommandIo, UsageError } from '../../command.ts'
import { changeOptions, confirmed, operatorNote } from '../../operator.ts'
import { filterOf, filterOptions, idsOf, inWords, type Selection, selectionOf } from './selection.ts'
import { uploadForPrograms, uploadTable } from './upload-table.ts'

interface Deps {
  readonly uploads: UploadRepository
  readonly store: Pick<ObjectStore, 'head'>
  readonly jobQueue: Pick<JobQueue, 'ensureEnqueued'>
  readonly log: { info(): void; warn(): void; error(): void }
}

/** A decision about uploads. `decide` returns whether it was carried out: otherwise the upload has moved in between. */
interface Decision {
  readonly states: readonly UploadState[]
  readonly done: string
  decide(upload: UploadRecord, by: OperatorNote, deps: Deps): Promise<boolean>
}

const decisions = {
  retry: { states: ['parked'], done: 'retried', decide: retryParked },
  release: { states: ['parked'], done: 'released', decide: async (...args) => (await release(...args)) === 'released' },
  cancel: {
    states: ['received', 'processing', 'parked'],
    done: 'cancelled',
    decide: async (...args) => (await cancel(...args)).cancelled,
  },
} as const satisfies Record<string, Decision>

export type DecisionName = keyof typeof decisions
export const decisionNames = Object.keys(decisions) as DecisionName[]

const names = [...databaseVariables, ...storeVariables, 'REDIS_URL'] as const

/** Uploads read per statement, and changed at the same time. */
const pageSize = 100
const atOnce = 8

/** After so many failures in a row a server counts as unavailable, and the command stops. */
const maxFailures = 3

/** How many uploads of one result are printed, and how many with `--json`. */
const maxShown = 20
const maxKept = 100
const progressEveryMs = 5000

interface Request {
  readonly name: DecisionName
  readonly ids: readonly string[]
  readonly selection: Selection
  readonly by: OperatorNote
  readonly yes: boolean
  readonly dryRun: boolean
  readonly json: boolean
}

/** Retries, releases or cancels the uploads that the arguments name. */
export async function decide(name: DecisionName, args: string[], io: CommandIo): Promise<number> {
  const request = requestOf(name, args)
  const config = readConfig(io.env, names)
  const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
  const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
  const store = s3ObjectStore(storeSettings(config))
  const jobQueue = new JobQueue({ redisUrl: config.REDIS_URL, onError: () => {} })
  try {
    await jobQueue.ready().catch(() => {}) // the sweeper enqueues what can't be enqueued now
    return await decideWith(request, database.uploads, store, jobQueue, io)
  } finally {
    await Promise.all([jobQueue.close(), database.close()])
    store.close()
  }
}

function requestOf(name: DecisionName, args: string[]): Request {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...filterOptions, ...changeOptions, all: { type: 'boolean', default: false } },
  })
  const ids = idsOf(positionals)
  const selection = selectionOf(values)
  const hasFilter = [values.state, values.code, values.user, values.since].some((value) => value !== undefined)
  if (ids.length > 0 && (hasFilter || values.all)) throw new UsageError('either ids, or filters, or --all')
  if (ids.length === 0 && !hasFilter && !values.all) throw new UsageError(`which uploads? ${name} takes ids, filters, or --all`)
  const { states } = decisions[name]
  const excluded = selection.states?.find((state) => !(states as readonly UploadState[]).includes(state))
  if (excluded !== undefined) throw new UsageError(`--state has '${excluded}': ${name} applies to ${states.join(', ')}`)
  return { name, ids, selection, by: operatorNote(values), yes: values.yes, dryRun: values['dry-run'], json: values.json }
}

async function decideWith(
  request: Request,
  uploads: UploadRepository,
  store: Pick<ObjectStore, 'head'>,
  jobQueue: Pick<JobQueue, 'ensureEnqueued'>,
  io: CommandIo,
): Promise<number> {
  const { name, ids, selection, dryRun, yes } = request
  const { states } = decisions[name]
  // uploads that are parked again meanwhile are not selected a second time
  const filter: UploadFilter = { ...(await filterOf(selection, states, uploads)), until: await uploads.clock() }
  const count = ids.length > 0 ? ids.length : await uploads.count(filter, Number.MAX_SAFE_INTEGER)
  const found = ids.length > 0 ? named(ids, uploads) : matching(filter, uploads)
  if (dryRun) return preview(request, count, found, uploads, io)
  if (count === 0) {
    report(request, noTotals(), null, io)
    return 0
  }
  const what = `${count} ${count === 1 ? 'upload' : 'uploads'}${ids.length > 0 ? '' : ` (${inWords(selection, filter.states)})`}`
  const mayChange = ids.length === 1 || (await confirmed(`${name[0]?.toUpperCase()}${name.slice(1)} ${what}?`, yes, io))
  if (!mayChange) return 1
  const queue = new Enqueuing(jobQueue)
  const silent = () => {}
  const deps: Deps = { uploads, store, jobQueue: queue, log: { info: silent, warn: silent, error: silent } }
  const totals = noTotals()
  await carryOut(request, count, found, totals, deps, io)
  report(request, totals, queue.missed, io)
  return totals.failed.count + totals.unknown.length === 0 ? 0 : 1
}

/** An upload, or the id of one that does not exist. */
type Found = UploadRecord | string

async function* named(ids: readonly string[], uploads: UploadRepository): AsyncGenerator<Found[]> {
  for (let at = 0; at < ids.length; at += pageSize) {
    const piece = ids.slice(at, at + pageSize)
    const known = new Map((await uploads.byIds(piece)).map((upload) => [upload.id, upload]))
    yield piece.map((id) => known.get(id) ?? id)
  }
}

/** The longest in their state first. A run that was stopped continues when it is repeated: what was changed no longer matches. */
async function* matching(filter: UploadFilter, uploads: UploadRepository): AsyncGenerator<Found[]> {
  let after: Cursor | null = null
  do {
    const page: Awaited<ReturnType<UploadRepository['browse']>> = await uploads.browse({
      ...filter,
      order: 'oldest first',
      after,
      limit: pageSize,
    })
    yield [...page.uploads]
    after = page.next
  } while (after !== null)
}

interface Totals {
  done: number
  /** A server is unavailable, so the rest was left as it is. */
  stopped: boolean
  /** Uploads in another state. */
  readonly moved: First<{ readonly id: string; readonly state: UploadState | 'gone' }>
  /** Ids of the arguments. */
  readonly unknown: string[]
  readonly failed: First<{ readonly id: string; readonly reason: string }>
}

const noTotals = (): Totals => ({ done: 0, stopped: false, moved: new First(), unknown: [], failed: new First() })

/** Counts all, and keeps the first ones: a run may change any number of uploads. */
class First<T> {
  readonly kept: T[] = []
  count = 0

  push(item: T): void {
    this.count += 1
    if (this.kept.length < maxKept) this.kept.push(item)
  }
}

async function carryOut(
  { name, by }: Request,
  count: number,
  found: AsyncGenerator<Found[]>,
  totals: Totals,
  deps: Deps,
  { err }: CommandIo,
): Promise<void> {
  const decision: Decision = decisions[name]
  let lastProgress = performance.now()
  let failures = 0
  const one = async (upload: Found): Promise<void> => {
    if (typeof upload === 'string') return void totals.unknown.push(upload)
    try {
      if (await decision.decide(upload, by, deps)) totals.done += 1
      else totals.moved.push({ id: upload.id, state: (await deps.uploads.byId(upload.id))?.state ?? 'gone' })
      failures = 0
    } catch (error) {
      failures += 1
      totals.failed.push({ id: upload.id, reason: error instanceof Error ? error.message : String(error) })
    }
  }
  for await (const page of found) {
    const left = page.values()
    const worker = async () => {
      for (const upload of left) {
        if (failures >= maxFailures) return
        await one(upload)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    if (failures >= maxFailures) {
      totals.stopped = true
      return
    }
    if (performance.now() - lastProgress > progressEveryMs) {
      lastProgress = performance.now()
      err(`${totals.done} of ${count} ${decision.done}`)
    }
  }
}

/** Stops asking Redis after some failures: each takes a second and a half, and the sweeper enqueues the rest. */
class Enqueuing {
  readonly #jobQueue: Pick<JobQueue, 'ensureEnqueued'>
  #failures = 0
  missed = 0

  constructor(jobQueue: Pick<JobQueue, 'ensureEnqueued'>) {
    this.#jobQueue = jobQueue
  }

  async ensureEnqueued(...args: Parameters<JobQueue['ensureEnqueued']>): Promise<boolean> {
    try {
      if (this.#failures >= maxFailures) throw new JobQueueUnreachable('Redis was unreachable before')
      const added = await this.#jobQueue.ensureEnqueued(...args)
      this.#failures = 0
      return added
    } catch (error) {
      this.#failures += 1
      this.missed += 1
      throw error
    }
  }
}

async function preview(
  { name, json }: Request,
  count: number,
  found: AsyncGenerator<Found[]>,
  uploads: UploadRepository,
  { out }: CommandIo,
): Promise<number> {
  const { value: page = [] } = (await found.next()) as { value?: Found[] }
  await found.return(undefined)
  const shown = page.filter((upload) => typeof upload !== 'string').slice(0, maxShown)
  const unknown = page.filter((upload) => typeof upload === 'string')
  if (json) {
    out(JSON.stringify({ action: name, dry_run: true, matching: count, unknown, uploads: shown.map(uploadForPrograms) }, null, 2))
    return unknown.length === 0 ? 0 : 1
  }
  const table = uploadTable(await uploads.clock())
  if (shown.length > 0) out(table.header)
  for (const upload of shown) out(table.row(upload))
  for (const id of unknown) out(`${id}  does not exist`)
  out(`${count} would be ${decisions[name].done}${count > shown.length + unknown.length ? `; the first ${shown.length} are listed` : ''}`)
  return unknown.length === 0 ? 0 : 1
}

function report({ name, json }: Request, totals: Totals, notEnqueued: number | null, { out, err }: CommandIo): void {
  const { done, moved, unknown, failed } = totals
  const missed = notEnqueued ?? 0
  if (json) {
    const counts = { moved_count: moved.count, failed_count: failed.count, not_enqueued: missed }
    out(
      JSON.stringify({ action: name, done, stopped: totals.stopped, moved: moved.kept, unknown, failed: failed.kept, ...counts }, null, 2),
    )
    return
  }
  for (const { id, state } of moved.kept.slice(0, maxShown)) out(`${id}  not ${decisions[name].done}: it is ${state}`)
  if (moved.count > maxShown) out(`… and ${moved.count - maxShown} others that are in another state`)
  for (const id of unknown.slice(0, maxShown)) err(`${id}  does not exist`)
  for (const { id, reason } of failed.kept.slice(0, maxShown)) err(`${id}  failed: ${reason}`)
  out(`${done} ${decisions[name].done}, ${moved.count} in another state, ${unknown.length} unknown, ${failed.count} failed`)
  if (missed > 0) err(`Redis is unreachable: ${missed} were not enqueued, the sweeper enqueues them`)
  if (totals.stopped) err('Stopped after several failures in a row. To continue, run the same command again.')
}
