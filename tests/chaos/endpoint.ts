import { type WebhookReceiver, webhookReceiver } from '@airlock/testkit/webhook-receiver'
import { randomFrom } from './random.ts'

/** Probability of an error response while faults happen. */
const failing = 0.1

/** A webhook endpoint that sometimes fails, until it is repaired. */
export class Endpoint {
  readonly #receiver: WebhookReceiver
  /** Ids of the events that it accepted. */
  readonly delivered = new Set<string>()
  #failing = failing

  private constructor(receiver: WebhookReceiver, seed: number) {
    this.#receiver = receiver
    const random = randomFrom(seed, 'endpoint')
    receiver.answers((response, { id }) => {
      const fails = random.chance(this.#failing)
      if (!fails) this.delivered.add(id)
      response.writeHead(fails ? 500 : 204).end()
    })
  }

  static async open(seed: number): Promise<Endpoint> {
    return new Endpoint(await webhookReceiver(), seed)
  }

  /** Settings with which a worker delivers to it. */
  get settings(): Record<string, string> {
    return {
      WEBHOOK_URLS: this.#receiver.url,
      WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32, 'chaos').toString('base64')}`,
      WEBHOOK_ALLOW_PRIVATE: 'true',
    }
  }

  heal(): void {
    this.#failing = 0
  }

  close(): Promise<void> {
    return this.#receiver.close()
  }
}
