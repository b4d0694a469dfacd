import { webhookReceiver } from '@airlock/testkit/webhook-receiver'
import { randomFrom } from './random.ts'

export type Endpoint = Awaited<ReturnType<typeof openEndpoint>>

/** Opens a webhook endpoint that sometimes fails, until it is repaired. */
export async function openEndpoint(seed: number) {
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
    /** Ids of the events that it accepted. */
    delivered,
    /** Settings with which a worker delivers to it. */
    settings: { WEBHOOK_URLS: url, WEBHOOK_SECRETS: secret, WEBHOOK_ALLOW_PRIVATE: 'true' },
    repair: () => {
      failureRate = 0
    },
    close,
  }
}
