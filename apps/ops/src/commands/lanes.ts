import { parseArgs } from 'node:util'
import { sleep } from '@airlock/async'
import { databaseSettings, databaseVariables, readConfig } from '@airlock/config'
import { type Database, type OperatorNote, openDatabase } from '@airlock/database'
import { JobBoard, type QueueLane, queueLanes } from '@airlock/queue'
import { type Command, type CommandIo, UsageError } from '../command.ts'
import { noteHelp, noteOptions, operatorNote } from '../operator.ts'

const names = [...databaseVariables, 'REDIS_URL'] as const

const options = { ...noteOptions, json: { type: 'boolean', default: false } } as const

const optionsHelp = `${noteHelp}
  --json             prints one JSON object`

const exitCodes = 'Exit codes: 0 done, 1 failed, 2 invalid arguments.'

interface Deps {
  readonly board: JobBoard
  readonly database: Database
}

async function withServers(io: CommandIo, work: (deps: Deps) => Promise<number>): Promise<number> {
  const config = readConfig(io.env, names)
  const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
  const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
  const board = new JobBoard({ redisUrl: config.REDIS_URL, onError: ({ message }) => io.err(`redis: ${message}`) })
  try {
    return await work({ board, database })
  } finally {
    await Promise.all([board.close(), database.close()])
  }
}

function lanesOf(given: readonly string[]): QueueLane[] {
  if (given.length === 0) throw new UsageError(`which lane? ${queueLanes.join(', ')}, or all`)
  if (given.length === 1 && given[0] === 'all') return [...queueLanes]
  return [...new Set(given)].map((name) => {
    const lane = queueLanes.find((known) => known === name)
    if (lane === undefined) throw new UsageError(`Lane '${name}' does not exist: ${queueLanes.join(', ')}, or all`)
    return lane
  })
}

/**
 * Pauses or resumes lanes. A lane that is in that state already is not logged again.
 *
 * The change is in Redis, so its row in Postgres comes after it: an operator must be able to pause a lane while Postgres is unavailable.
 *
 * @returns the lanes that were changed, and those whose change could not be logged
 */
async function change(action: 'pause' | 'resume', lanes: readonly QueueLane[], by: OperatorNote, { board, database }: Deps, io: CommandIo) {
  const changed: QueueLane[] = []
  const unlogged: QueueLane[] = []
  for (const lane of lanes) {
    if ((await board.isPaused(lane)) === (action === 'pause')) continue
    await board[action](lane)
    changed.push(lane)
    await database.opsLog.write({ ...by, action, lane }).catch((error: Error) => {
      unlogged.push(lane)
      io.err(`Lane ${lane} was ${action}d, but the log of operators could not be written: ${error.message}`)
    })
  }
  return { changed, unlogged }
}

function switchCommand(action: 'pause' | 'resume', summary: string, more: string): Command {
  return {
    name: action,
    summary,
    usage: `<lane>…|all [--reason <text>] [--json]

  <lane>             ${queueLanes.join(', ')}, or all
${optionsHelp}

${more}
${exitCodes}`,
    example: "videos --reason 'ticket 4711'",
    run(args, io) {
      const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
      const lanes = lanesOf(positionals)
      const by = operatorNote(values)
      return withServers(io, async (deps) => {
        const { changed, unlogged } = await change(action, lanes, by, deps, io)
        const line = (lane: QueueLane) =>
          `${lane} ${changed.includes(lane) ? `${action}d` : `was ${action === 'pause' ? 'paused' : 'running'} already`}`
        io.out(values.json ? JSON.stringify({ action, lanes, changed, unlogged }, null, 2) : lanes.map(line).join('\n'))
        return unlogged.length === 0 ? 0 : 1
      })
    },
  }
}

export const pauseCommand = switchCommand(
  'pause',
  'make all workers take no more jobs of a lane',
  `Running jobs continue, and uploads are still accepted: they wait until the lane is resumed, and nothing is lost. The pause lasts until then, also
over restarts of workers, but not over a loss of all data in Redis. If Redis does not respond, the lane may be paused nevertheless: run it again.`,
)

export const resumeCommand = switchCommand(
  'resume',
  'make workers take jobs of a paused lane again',
  'Waiting uploads are then processed in their order.',
)

const defaultTimeoutSeconds = 300
const pollMs = 500
const progressEveryMs = 5000

export const drainCommand: Command = {
  name: 'drain',
  summary: 'pause lanes, and wait until no worker processes an upload of them',
  usage: `[<lane>…|all] [--timeout <seconds>] [--reason <text>] [--json]

  <lane>             ${queueLanes.join(', ')}; default: all
  --timeout          how long to wait; default ${defaultTimeoutSeconds}. The lanes stay paused
${optionsHelp}

For work on the store, the database or the workers: uploads are still accepted, and wait. Afterwards: npm run ops -- resume all
Uploads whose worker died do not count; another worker takes them when the lane is resumed.
Exit codes: 0 drained, 1 failed or not drained in time, 2 invalid arguments.`,
  example: "videos --timeout 600 --reason 'store maintenance'",
  run(args, io) {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { ...options, timeout: { type: 'string' } } })
    const lanes = positionals.length === 0 ? [...queueLanes] : lanesOf(positionals)
    const seconds = Number(values.timeout ?? defaultTimeoutSeconds)
    if (!(seconds >= 0 && seconds <= 86_400)) throw new UsageError(`--timeout is '${values.timeout}': a number of seconds up to 86400`)
    const by = operatorNote(values)
    return withServers(io, (deps) => drain(lanes, seconds, values.json, by, deps, io))
  },
}

async function drain(
  lanes: readonly QueueLane[],
  seconds: number,
  json: boolean,
  by: OperatorNote,
  deps: Deps,
  io: CommandIo,
): Promise<number> {
  const { unlogged } = await change('pause', lanes, by, deps, io)
  const deadline = performance.now() + seconds * 1000
  let nextProgress = performance.now() + progressEveryMs
  let states = await runningIn(lanes, deps)
  const total = () => states.reduce((sum, { running }) => sum + running, 0)
  while (total() > 0 && performance.now() < deadline) {
    if (performance.now() >= nextProgress) {
      io.err(states.map(({ lane, running }) => `${lane}: ${running} running`).join(', '))
      nextProgress += progressEveryMs
    }
    await sleep(pollMs)
    states = await runningIn(lanes, deps)
  }
  const isDrained = total() === 0
  if (json) io.out(JSON.stringify({ drained: isDrained, lanes: states }, null, 2))
  else {
    for (const { lane, running, waiting } of states) io.out(`${lane.padEnd(8)} paused, ${running} running, ${waiting} waiting`)
    io.out(isDrained ? 'Drained. To go on: npm run ops -- resume all' : `Not drained after ${seconds} s. The lanes stay paused.`)
  }
  return isDrained && unlogged.length === 0 ? 0 : 1
}

/** By Postgres, and by Redis: a job may wait for its turn before its upload is claimed. */
async function runningIn(lanes: readonly QueueLane[], { board, database }: Deps) {
  const { lanes: loads } = await database.load()
  return Promise.all(
    lanes.map(async (lane) => {
      const load = loads.find((one) => one.lane === lane)
      const running = Math.max(load?.processing ?? 0, await board.running(lane))
      return { lane, running, waiting: (load?.waiting ?? 0) + (load?.delayed ?? 0) }
    }),
  )
}
