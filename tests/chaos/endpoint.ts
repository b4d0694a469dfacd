import { webhookReceiver } from '@airlock/testkit/webhook-receiver'
import { randomFrom } from './random.ts'

/** A webhook endpoint that sometimes fails, until it is repaired. */
export interface Endpoint {
  /** Ids of the events that it accepted. */
  readonly delivered: ReadonlySet<string>
  /** Settings with which a worker delivers to it. */
  readonly settings: Readonly<Record<string, string>>
  repair(): void
  close(): Promise<void>
}

export async function openEndpoint(seed: number): Promise<Endpoint> {
  const random = randomFrom(seed, 'endpoint')
  const delivered = new Set<string>()
  let failureRate = 0.1
  const { url, close } = await webhookReceiver({
    answer: (response, { id }) => {
      const fails = random.chance(failureRate)
      if (!fails) delivered.add(id)
      response.writeHead(fails ? 500 : 204).end()
    },
  })
  const secret = `whsec_${Buffer.alloc(32, 'chaos').toString('base64')}`
  return {
    delivered,
    settings: { WEBHOOK_URLS: url, WEBHOOK_SECRETS: secret, WEBHOOK_ALLOW_PRIVATE: 'true' },
    repair: () => {
      failureRate = 0
    },
    close,
  }
}
