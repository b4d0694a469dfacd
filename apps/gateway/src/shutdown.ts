import type { FastifyInstance } from 'fastify'

/** What a gateway still has to do, and to let go, when it serves nobody any more. */
export interface LastSteps {
  /** Answers those who only wait, with what is known. */
  drain(): void
  /** Finishes what was begun for requests that are answered already, and writes what waits to be written. */
  flush(): Promise<void>
  /** Lets the servers behind go. */
  close(): Promise<void>
}

/** How often connections are closed that have fallen idle since the listener was closed, in ms. */
const idleCheckMs = 100

/** The steps by which a gateway stops. Each can be taken by itself, in this order; `close`, and the closing of `app`, take those that are left. */
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
    // what is answered behind it would otherwise keep its connection, and the shutdown waiting
    app.addHook('onSend', async (_request, reply) => {
      if (!this.#ready) reply.header('connection', 'close')
    })
    app.addHook('preClose', async () => {
      this.notReady()
      lastSteps.drain()
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

  /** Says that it is not ready, ends each connection behind its answer, and still serves every request. */
  notReady(): void {
    this.#ready = false
  }

  /** Takes no more connections, and answers those who only wait. @returns resolves when no request is in flight */
  async finish(): Promise<void> {
    this.close().catch(this.#served.reject)
    const idle = setInterval(() => this.#app.server.closeIdleConnections(), idleCheckMs)
    await this.#served.promise.finally(() => clearInterval(idle))
  }

  /** Ends the connections of all who are still served. */
  cut(): void {
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
