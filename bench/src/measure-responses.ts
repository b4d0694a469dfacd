import { tokenFor } from '@airlock/testkit/http'
import { startAirlockWhole } from './airlock.ts'
import type { BenchStack } from './bench-stack.ts'
import { startContestant } from './contestants.ts'
import { smallPicture } from './files.ts'
import type { Load } from './load.ts'
import { cpuMsOf } from './process-usage.ts'
import { type Measurement, measurementOf, type Round, type Values } from './results.ts'
import { percentile } from './statistics.ts'

const clients = 8

/** What a gateway spends on a presigned URL from its cache and on the status of a job, beside a route of plain Fastify that does nothing. */
export async function measureResponses(title: string, responses: number, rounds: number, stack: BenchStack): Promise<Measurement> {
  const airlock = await startAirlockWhole(stack)
  const plain = await startContestant('Fastify + lib-storage', stack, 'local')
  try {
    await airlock.process(smallPicture(), 1, 1)
    const { rows } = await airlock.sql.query(
      'select a.id as asset, u.id as upload, u.user_id as owner from uploads u join assets a on a.user_id = u.user_id',
    )
    const { asset, upload, owner } = rows[0] as Record<'asset' | 'upload' | 'owner', string>
    const tokens = Array<string>(clients).fill(tokenFor(owner, stack.jwtSecret))
    const sources: { name: string; pid: number; load: Pick<Load, 'url' | 'tokens'> }[] = [
      { name: 'presigned URL, cached', pid: airlock.pids.gateway, load: { url: `${airlock.url}/api/assets/${asset}/presigned`, tokens } },
      { name: 'job status', pid: airlock.pids.gateway, load: { url: `${airlock.url}/api/jobs/${upload}`, tokens } },
      { name: 'plain Fastify route', pid: plain.pid, load: { url: `${plain.url}/empty`, tokens: tokens.map(() => '') } },
    ]
    const oneRound = async ({ pid, load }: (typeof sources)[number], requests: number): Promise<Values> => {
      const before = cpuMsOf(pid)
      const { seconds, latenciesMs } = await stack.send({ ...load, method: 'GET', headers: {}, requests, timeoutMs: 30_000 })
      return {
        'responses/s': requests / seconds,
        'CPU ms per response': (cpuMsOf(pid) - before) / requests,
        'p50, ms': percentile(latenciesMs, 0.5),
        'p99, ms': percentile(latenciesMs, 0.99),
      }
    }
    const measured: Round[] = []
    for (const source of sources) await oneRound(source, Math.ceil(responses / 2))
    for (let round = 0; round < rounds; round++) {
      const values: Record<string, Values> = {}
      for (const source of sources) values[source.name] = await oneRound(source, responses)
      measured.push(values)
    }
    return measurementOf(title, measured)
  } finally {
    await airlock.stop()
    await plain.stop()
  }
}
