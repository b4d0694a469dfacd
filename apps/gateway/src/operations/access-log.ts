import { createHmac } from 'node:crypto'
import { type AccessEntry, type AccessLog, DatabaseUnavailable, maxAccessEntries } from '@airlock/database'
import type { FastifyRequest } from 'fastify'
import { callerOfRequest } from '../auth/caller.ts'
import { asAirlockError } from '../plugins/errors.ts'

/** The kind of access to an asset. `upload`: its URL was part of the response to an upload with `Prefer: wait`. */
type AccessAction = 'read' | 'presign' | 'delete' | 'link' | 'preview' | 'upload'

export interface Access {
  readonly assetId: string
  readonly action: AccessAction
  /** The requested validity of a URL, in hours. */
  readonly hours?: number | null
}

export interface AccessRecorderOptions {
  accessLog: Pick<AccessLog, 'write'>
  log: { warn(fields: object, message: string): void; error(fields: object, message: string): void }
  /** Key of the HMAC of the caller's address; null: the address is not recorded. */
  ipHashKey: string | null
  /** How long an entry waits to be written in a batch with others. */
  everyMs?: number
  /** Maximum number of entries that wait while the database is unavailable; beyond it the oldest are dropped. */
  maxWaiting?: number
}

/**
 * Records accesses to assets, granted or refused, and writes them to the database in batches: no request waits for that.
 *
 * A process that is killed loses the entries of its last second, or those since the database became unavailable. A connection that breaks while
 * a batch is written may duplicate its entries.
 */
export class AccessRecorder {
  readonly #options: Required<AccessRecorderOptions>
  #waiting: AccessEntry[] = []
  #lost = 0
  #failing = false
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: AccessRecorderOptions) {
    this.#options = { everyMs: 1000, maxWaiting: 20_000, ...options }
  }

  /** @param result `granted`, or the code of the error in the response */
  note(request: FastifyRequest, { assetId, action, hours = null }: Access, result: AccessEntry['result'] = 'granted'): void {
    this.#waiting.push({
      userId: callerOfRequest(request).id,
      assetId,
      action,
      result,
      hours,
      requestId: request.id,
      ipHash: this.#hashOf(request.ip),
      at: new Date(),
    })
    this.#bound()
    this.#timer ??= setTimeout(() => this.#flush(), this.#options.everyMs)
  }

  /** Runs the work of a request, and records its result. */
  async watch<T>(request: FastifyRequest, access: Access, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      this.note(request, access)
      return result
    } catch (error) {
      this.note(request, access, asAirlockError(error).code)
      throw error
    }
  }

  /** Writes the waiting entries, with one attempt. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#writing
    while (this.#waiting.length > 0) await this.#write()
    this.#logLost()
  }

  #flush(): void {
    this.#writing = this.#write().then(() => {
      this.#timer = undefined
      this.#logLost()
      if (this.#waiting.length > 0 && !this.#closed) this.#timer = setTimeout(() => this.#flush(), this.#options.everyMs)
    })
  }

  async #write(): Promise<void> {
    const batch = this.#waiting.splice(0, maxAccessEntries)
    try {
      await this.#options.accessLog.write(batch)
      this.#failing = false
    } catch (err) {
      this.#putBack(batch, err)
    }
  }

  /** Keeps the entries if the database is unavailable, unless this recorder is closed. Drops entries that the database rejects. */
  #putBack(batch: AccessEntry[], err: unknown): void {
    if (!(err instanceof DatabaseUnavailable) || this.#closed) {
      this.#lost += batch.length
      this.#options.log.error({ err, entries: batch.length }, 'access log entries rejected by the database')
      return
    }
    this.#waiting = [...batch, ...this.#waiting]
    this.#bound()
    if (!this.#failing) this.#options.log.warn({ err, waiting: this.#waiting.length }, 'access log not written, its entries wait')
    this.#failing = true
  }

  #bound(): void {
    const tooMany = this.#waiting.length - this.#options.maxWaiting
    if (tooMany <= 0) return
    this.#waiting.splice(0, tooMany)
    this.#lost += tooMany
  }

  #logLost(): void {
    if (this.#lost > 0) this.#options.log.warn({ lost: this.#lost }, 'access log entries lost')
    this.#lost = 0
  }

  #hashOf(ip: string): string | null {
    const { ipHashKey } = this.#options
    return ipHashKey === null ? null : createHmac('sha256', ipHashKey).update(ip).digest('hex')
  }
}
