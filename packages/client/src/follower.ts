import type { Job, JobList, UnknownJobs } from './api.ts'
import { AirlockError, aborted, isTransient } from './error.ts'
import { type Http, pause } from './http.ts'

/** Ids per request. */
const idsPerRequest = 100

/** Airlock sends the present state at once: where it does not arrive, a proxy holds back the stream. */
const firstEventMs = 4000

/** Airlock sends a comment every 15 s: a stream without one is broken. */
const idleMs = 45_000

/** Time in which uploads that begin together join one stream. */
const joinMs = 20

/** Without a stream: the longest time between two polls. */
const longestPollMs = 5000

type Listener = (news: Job | AirlockError) => void

/** Whether nothing more will happen to the job, unless an operator decides about it. */
export const hasEnded = ({ status }: Job): boolean => status !== 'queued' && status !== 'processing'

/**
 * Follows all jobs of a client by one stream of server-sent events, because browsers open few connections to a server. Where there is no stream (an older
 * gateway, a proxy that buffers, too many streams), and after each end of one, the jobs are polled, in one request.
 */
export class Follower {
  readonly #http: Http
  readonly #listeners = new Map<string, Set<Listener>>()
  #stream = new AbortController()
  #canStream = true
  #running = false
  /** Whether a job has begun that the current stream does not contain. */
  #joined = false

  constructor(http: Http) {
    this.#http = http
  }

  /** Jobs as they change, beginning with their present state, until all have ended. @throws AirlockError */
  async *follow(ids: readonly string[], signal?: AbortSignal): AsyncGenerator<Job, void, undefined> {
    const news: (Job | AirlockError)[] = []
    let wake = () => {}
    const add = (item: Job | AirlockError) => {
      news.push(item)
      wake()
    }
    const abort = () => add(aborted(signal as AbortSignal))
    const open = new Set(ids)
    const leave = [...open].map((id) => this.#listen(id, add))
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
    try {
      while (open.size > 0) {
        const item = news.shift()
        if (item instanceof AirlockError) throw item
        if (item === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          continue
        }
        if (hasEnded(item)) open.delete(item.job_id)
        yield item
      }
    } finally {
      signal?.removeEventListener('abort', abort)
      for (const end of leave) end()
    }
  }

  /** @returns a function that ends it */
  #listen(id: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set()
    if (listeners.size === 0) {
      this.#listeners.set(id, listeners)
      this.#joined = true
      this.#stream.abort() // it is opened again with this job
    }
    let last = ''
    const changed = (news: Job | AirlockError) => {
      const text = JSON.stringify(news)
      if (text !== last || news instanceof AirlockError) listener(news)
      last = text
    }
    listeners.add(changed)
    if (!this.#running) void this.#run()
    return () => {
      listeners.delete(changed)
      if (listeners.size > 0 || this.#listeners.get(id) !== listeners) return
      this.#listeners.delete(id)
      if (this.#listeners.size === 0) this.#stream.abort()
    }
  }

  #tell(id: string, news: Job | AirlockError): void {
    for (const listener of this.#listeners.get(id) ?? []) listener(news)
    if (news instanceof AirlockError || hasEnded(news)) this.#listeners.delete(id)
  }

  #tellUnknown(ids: readonly string[]): void {
    for (const id of ids) this.#tell(id, new AirlockError({ code: 'job_not_found', detail: `Job '${id}' does not exist.`, jobId: id }))
  }

  async #run(): Promise<void> {
    this.#running = true
    let failures = 0
    let failingSince = 0
    for (let rounds = 0; this.#listeners.size > 0; rounds++) {
      try {
        await pause(joinMs)
        if (await this.#streamAll()) rounds = 0
        if (this.#joined) continue
        const retryAfterMs = await this.#pollAll()
        failures = 0
        if (this.#listeners.size > 0) await this.#untilJoined(Math.max(retryAfterMs, Math.min(longestPollMs, this.#http.delayMs(rounds))))
      } catch (error) {
        const known = error instanceof AirlockError ? error : notOurs(error)
        if (failures++ === 0) failingSince = performance.now()
        const delayMs = this.#http.delayMs(failures, known)
        if (isTransient(known) && performance.now() - failingSince + delayMs < this.#http.retryForMs) await pause(delayMs)
        else for (const id of [...this.#listeners.keys()]) this.#tell(id, known)
      }
    }
    this.#running = false
  }

  /** Waits, but not while another job begins. */
  async #untilJoined(ms: number): Promise<void> {
    this.#stream = new AbortController()
    if (!this.#joined) await pause(ms, this.#stream.signal).catch(() => {})
  }

  /**
   * Reads one stream until it ends, breaks, or another job begins.
   *
   * @returns whether it brought a job
   */
  async #streamAll(): Promise<boolean> {
    const ids = [...this.#listeners.keys()]
    this.#joined = false
    if (!this.#canStream || ids.length === 0 || ids.length > idsPerRequest) return false
    this.#stream = new AbortController()
    const { signal } = this.#stream
    const startedAt = performance.now()
    let jobs = 0
    try {
      await this.#http.once(`/api/jobs/events?ids=${ids}`, { signal, timeoutMs: firstEventMs }, async (response, alive) => {
        if (!response.headers.get('content-type')?.startsWith('text/event-stream') || !response.body) {
          this.#canStream = false
          return response.body?.cancel()
        }
        for await (const data of eventsIn(response.body, alive)) {
          if ('unknown' in data) this.#tellUnknown(data.unknown)
          else this.#tell(data.job_id, data)
          jobs++
        }
      })
    } catch (error) {
      // the poll that follows finds out whether anything else works
      const { status } = error as AirlockError
      const isMute = jobs === 0 && performance.now() - startedAt >= firstEventMs
      if (!signal.aborted && (isMute || !isTransient(error as AirlockError))) this.#canStream = status === 401
    }
    return jobs > 0
  }

  /** @returns how long to wait before the next poll, in ms */
  async #pollAll(): Promise<number> {
    const ids = [...this.#listeners.keys()]
    let retryAfterMs = 0
    for (let from = 0; from < ids.length; from += idsPerRequest) {
      const { body, headers } = await this.#http.jsonOnce<JobList>(`/api/jobs?ids=${ids.slice(from, from + idsPerRequest)}`)
      for (const job of body.jobs) this.#tell(job.job_id, job)
      this.#tellUnknown(body.unknown)
      retryAfterMs = Number(headers.get('retry-after')) * 1000
    }
    return retryAfterMs
  }
}

/** JSON of another server than Airlock, which was not as expected. */
const notOurs = (cause: unknown): AirlockError =>
  new AirlockError({ code: 'unexpected_response', detail: 'The response is not from Airlock, perhaps from a proxy.', cause })

/** The data in a stream of server-sent events, as the gateway writes them: `event: job` and `event: unknown`. */
async function* eventsIn(body: ReadableStream<Uint8Array>, alive: (ms: number) => void): AsyncGenerator<Job | UnknownJobs> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      alive(idleMs)
      const events = (rest + decoder.decode(chunk.value, { stream: true })).split('\n\n')
      rest = events.pop() ?? ''
      for (const event of events) {
        const data = /^event: (job|unknown)$/m.test(event) && /^data: (.*)$/m.exec(event)?.[1]
        if (data) yield JSON.parse(data)
      }
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}
