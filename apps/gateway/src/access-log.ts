import { createHmac } from 'node:crypto'
import { type AccessEntry, type AccessLog, DatabaseUnavailable, maxAccessEntries } from '@airlock/database'
import type { FastifyRequest } from 'fastify'
import { callerOfRequest } from './plugins/auth.ts'
import { asAirlockError } from './plugins/errors.ts'

/** What an asset was asked for. `upload`: its URL went out with the answer of an upload that was waited for. */
export type AccessAction = 'read' | 'presign' | 'delete' | 'link' | 'preview' | 'upload'

export interface Access {
  readonly assetId: string
  readonly action: AccessAction
  /** How long a URL was asked to live. */
  readonly hours?: number | null
}

export interface AccessRecorderOptions {
  accessLog: Pick<AccessLog, 'write'>
  log: { warn(fields: object, message: string): void; error(fields: object, message: string): void }
  /** With it an HMAC of the caller's address is kept; null: nothing of the address. */
  ipHashKey: string | null
  /** How long an entry waits for others to be written with. */
  everyMs?: number
  /** Entries that wait at most while the database is away; then the oldest go. */
  maxWaiting?: number
}

/**
 * Takes down who asked for which asset, granted or refused, and writes it to the database in batches: no request waits for it.
 *
 * A process that is killed loses what it took down in its last second, or since the database went away. A connection that breaks while a batch
 * is written may make its entries stand there twice.
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

  /** @param result `granted`, or the code of the error that was answered */
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

  /** Runs what a request asks for, and takes down how it went. */
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

  /** Writes what still waits, with one try. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#writing
    while (this.#waiting.length > 0) await this.#write()
    this.#tellLost()
  }

  #flush(): void {
    this.#writing = this.#write().then(() => {
      this.#timer = undefined
      this.#tellLost()
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

  /** What the database refuses would be refused again; what it could not hear may wait, while there is a later. */
  #putBack(batch: AccessEntry[], err: unknown): void {
    if (!(err instanceof DatabaseUnavailable) || this.#closed) {
      this.#lost += batch.length
      this.#options.log.error({ err, entries: batch.length }, 'entries of the access log not written')
      return
    }
    this.#waiting = [...batch, ...this.#waiting]
    this.#bound()
    if (!this.#failing) this.#options.log.warn({ err, waiting: this.#waiting.length }, 'access log not written yet, its entries wait')
    this.#failing = true
  }

  #bound(): void {
    const tooMany = this.#waiting.length - this.#options.maxWaiting
    if (tooMany <= 0) return
    this.#waiting.splice(0, tooMany)
    this.#lost += tooMany
  }

  #tellLost(): void {
    if (this.#lost > 0) this.#options.log.warn({ lost: this.#lost }, 'entries of the access log are lost')
    this.#lost = 0
  }

  #hashOf(ip: string): string | null {
    const { ipHashKey } = this.#options
    return ipHashKey === null ? null : createHmac('sha256', ipHashKey).update(ip).digest('hex')
  }
}
