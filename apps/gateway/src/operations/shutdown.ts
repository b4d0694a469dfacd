import type { FastifyInstance } from 'fastify'

/** What a gateway has to finish and to close in a shutdown. */
export interface LastSteps {
  /** Answers waiting requests with what is known. */
  endWaits(): void
  /** Completes background tasks of answered requests, and writes what is buffered. */
  flush(): Promise<void>
  /** Closes feeds and the availability checks of servers. */
  close(): Promise<void>
}

/** How often connections that have become idle are closed after the listener was closed, in ms. */
const idleCheckMs = 100

/** The steps of a gateway's shutdown, to be called in this order. `close`, and closing `app`, run the steps that are left. */
export class GatewayShutdown {
  readonly #app: FastifyInstance
  readonly #lastSteps: LastSteps
  readonly #served = Promise.withResolvers<void>()
  #ready = true
  #closing: Promise<void> | undefined
  #flushing: Promise<void> | undefined

  constructor(app: FastifyInstance, lastSteps: LastSteps) {
    this.#app = app
    this.#lastSteps = lastSteps
    // otherwise kept-alive connections would delay the shutdown
    app.addHook('onSend', async (_request, reply) => {
      if (!this.#ready) reply.header('connection', 'close')
    })
    app.addHook('preClose', async () => {
      this.notReady()
      lastSteps.endWaits()
    })
    app.addHook('onClose', async () => {
      this.#served.resolve()
      await this.flush()
      await lastSteps.close()
    })
  }

  get isReady(): boolean {
    return this.#ready
  }

  /** Reports not ready and closes each connection after its response, but still serves every request. */
  notReady(): void {
    this.#ready = false
  }

  /** Accepts no more connections, and answers waiting requests. @returns resolves when no request is in flight */
  async drain(): Promise<void> {
    this.close().catch(this.#served.reject)
    const idle = setInterval(() => this.#app.server.closeIdleConnections(), idleCheckMs)
    await this.#served.promise.finally(() => clearInterval(idle))
  }

  /** Closes all connections, including those with a request in flight. */
  abort(): void {
    this.#app.server.closeAllConnections()
  }

  flush(): Promise<void> {
    this.#flushing ??= this.#lastSteps.flush()
    return this.#flushing
  }

  close(): Promise<void> {
    this.#closing ??= this.#app.close().then(() => {})
    return this.#closing
  }
}

/**
 * Work that continues after its request has been answered, such as emptying the quarantine after a refused form. No client waits for it, but
 * the shutdown does.
 */
export class BackgroundTasks {
  readonly #running = new Set<Promise<void>>()

  /** @param task handles its own errors */
  add(task: Promise<void>): void {
    this.#running.add(task)
    void task.finally(() => this.#running.delete(task))
  }

  /** Resolves when no task is left. */
  async done(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
  }
}
