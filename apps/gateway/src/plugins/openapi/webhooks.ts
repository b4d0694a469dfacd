import { events } from '@airlock/domain'
import { eventSchemas } from '../../routes/event-schemas.ts'

/** Headers of the Standard Webhooks specification. */
const parameters = [
  ['webhook-id', 'The event_id: ignore events that you have already processed'],
  ['webhook-timestamp', 'When this attempt was made, in seconds since 1970'],
  ['webhook-signature', "`v1,` and a signature, one for each of the endpoint's secrets, separated by spaces"],
].map(([name, description]) => ({ name, in: 'header', required: true, description, schema: { type: 'string' } }))

/** The requests to endpoints and their responses (docs/webhooks.md). */
export const webhooks = Object.fromEntries(
  eventSchemas.map(({ type, name }) => [
    type,
    {
      post: {
        operationId: `on${name}`,
        summary: `To your endpoint: ${events[type]}`,
        tags: ['events'],
        security: [],
        parameters,
        requestBody: { required: true, content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } } },
        responses: {
          '2XX': { description: 'The event is delivered' },
          '410': { description: 'Delivery of this event is given up' },
          default: { description: 'Delivery is retried for three days' },
        },
      },
    },
  ]),
)
