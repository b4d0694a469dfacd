import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { waitFor } from '@airlock/dev-servers'
import { tokenFor } from '@airlock/testkit/http'
import type { Arena } from '../../chaos/arena.ts'
import { Facts } from '../../chaos/facts.ts'
import { inArena, inFolder, type LongStep, lastLineOf, proveAll, type StepContext } from '../check.ts'

const MiB = 1024 * 1024

const uploads = 60
const sizeBytes = 100 * MiB

/** Values as in production of settings that chaos shortens. */
const settings = {
  S3_MULTIPART_COPY_FROM_BYTES: String(100 * MiB),
  S3_CALL_TIMEOUT_MS: '30000',
  DATABASE_POOL_SIZE: '10',
  DATABASE_STATEMENT_TIMEOUT_MS: '5000',
  DATABASE_CONNECT_TIMEOUT_MS: '2000',
  LEASE_SECONDS: '60',
  SWEEP_INTERVAL_SECONDS: '15',
  SWEEP_REST_SECONDS: '3600',
  UPLOAD_MAX_SECONDS: '3600',
  UPLOAD_IDLE_SECONDS: '30',
  RETRY_BASE_MS: '1000',
  WORKER_MIN_ATTEMPTS: '8',
  WORKER_CONCURRENCY: '4',
  MAX_FILES_IN_FLIGHT: '64',
  RATE_LIMIT_FILES_PER_HOUR: '100',
} as const

/** More large uploads than the machine can receive quickly: all servers respond, so no upload may be aborted. */
export const sixtyUploads: LongStep = {
  name: 'sixty-uploads',
  about: `${uploads} videos of ${sizeBytes / MiB} MiB at once to one gateway: none is aborted, however slow; needs 15 GB of disk temporarily`,
  run: (context) =>
    inFolder('sixty-uploads', (folder) =>
      inArena(context, { folder, settings }, (arena) => {
        const what = `${uploads} uploads of ${sizeBytes / MiB} MiB that are sent at once are all accepted, and all become assets`
        return proveAll([{ what, prove: allAccepted }], { arena, context, folder }, context)
      }),
    ),
}

interface Subject {
  readonly arena: Arena
  readonly context: StepContext
  readonly folder: string
}

async function allAccepted({ arena, context, folder }: Subject): Promise<string> {
  const userId = randomUUID()
  const [url = ''] = arena.gateways
  const over = new AbortController()
  const watching = watch(arena, url, over.signal)
  try {
    const env = { ...context.env, AIRLOCK_URL: url, AIRLOCK_TOKEN: tokenFor(userId, arena.jwtSecret) }
    const film = join(context.root, 'examples/samples/good/scene-01.mp4')
    const client = 'tests/long/sixty-uploads/client.ts'
    const begun = performance.now()
    const answers = await lastLineOf([client, film, String(uploads), String(sizeBytes)], { ...context, env })
    await allCompleted(arena, userId, context.stop)
    const seconds = (performance.now() - begun) / 1000
    over.abort()
    const { unready, peakMiB } = await watching
    const log = await readFile(join(folder, 'gateway-1.1.log'), 'utf8')
    const away = log.split('\n').filter((line) => line.includes('server unavailable'))
    if (away.length > 0) throw new Error(`the gateway considered a server unavailable:\n${away.join('\n')}`)
    return [answers, `all assets after ${seconds.toFixed(0)} s`, `gateway: at most ${peakMiB} MiB, not ready ${unready} times`].join('\n')
  } finally {
    over.abort()
  }
}

async function allCompleted(arena: Arena, userId: string, stop: AbortSignal): Promise<void> {
  const facts = await Facts.open(arena)
  try {
    const completed = () => facts.count(`uploads where user_id = $1 and state = 'completed'`, [userId])
    const wait = { what: `${uploads} videos to be assets`, timeoutMs: 900_000, everyMs: 500 }
    await waitFor(async () => stop.aborted || (await completed()) === uploads, wait)
    stop.throwIfAborted()
  } finally {
    await facts.close()
  }
}

/** Observes the gateway's memory and readiness every second until the signal fires. */
async function watch({ stack }: Arena, url: string, over: AbortSignal): Promise<{ unready: number; peakMiB: number }> {
  const pid = String(stack.file.record.processes['gateway-1']?.pid)
  let [unready, peakMiB] = [0, 0]
  while (!over.aborted) {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', pid])
    peakMiB = Math.max(peakMiB, Math.round(Number(stdout) / 1024))
    const ready = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(10_000) }).then(
      ({ ok }) => ok,
      () => false,
    )
    if (!ready) unready += 1
    await pause(1000, undefined, { signal: over }).catch(() => {})
  }
  return { unready, peakMiB }
}
