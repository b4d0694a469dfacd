import type { FeedListenOptions, Listening } from '@airlock/database'
import type { Endpoint } from '@airlock/notifications'
import type { WorkerMetrics } from '../metrics.ts'
import { EndpointLoop, type EndpointLoopDeps, type EndpointLoopOptions } from './endpoint-loop.ts'

export interface WebhookOptions extends Omit<EndpointLoopOptions, 'onOutcome'> {
  endpoints: readonly Endpoint[]
}

export interface WebhookDeps extends EndpointLoopDeps {
  metrics: WorkerMetrics
  listenForFeed(handlers: Pick<FeedListenOptions, 'onMore' | 'onReady' | 'onLost'>): Listening
}

/** Delivers events to all endpoints, each independently. Without endpoints it does nothing. */
export class WebhookSenders {
  readonly #loops: readonly EndpointLoop[]
  readonly #listen: WebhookDeps['listenForFeed']
  #notifications: Listening | undefined

  constructor(options: WebhookOptions, deps: WebhookDeps) {
    this.#listen = deps.listenForFeed
    this.#loops = options.endpoints.map((endpoint) => {
      deps.metrics.watchEndpoint(endpoint.name, () => deps.webhooks.statusOf(endpoint.name))
      const onOutcome: EndpointLoopOptions['onOutcome'] = (outcome) =>
        deps.metrics.webhookAttempts.inc({ endpoint: endpoint.name, outcome })
      return new EndpointLoop(endpoint, { ...options, onOutcome }, deps)
    })
  }

  start(): void {
    if (this.#loops.length === 0) return
    for (const loop of this.#loops) loop.start()
    const soon = () => {
      for (const loop of this.#loops) loop.soon()
    }
    this.#notifications = this.#listen({ onMore: soon, onReady: soon, onLost: () => {} })
  }

  /** Starts no more deliveries. */
  async stopTaking(): Promise<void> {
    await Promise.all([this.#notifications?.close(), ...this.#loops.map((loop) => loop.stop())])
  }

  /** Resolves when no delivery runs. */
  async drain(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.drain()))
  }

  /** Aborts the deliveries that still run; other workers repeat them. */
  async handBack(): Promise<void> {
    for (const loop of this.#loops) loop.abort()
    await this.drain()
  }
}
