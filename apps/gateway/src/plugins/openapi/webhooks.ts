import { events } from '@airlock/domain'
import { eventSchemas } from '../../routes/event-schemas.ts'

/** Headers of the Standard Webhooks specification. */
const parameters = [
  ['webhook-id', 'The event_id: pass over what you have dealt with'],
  ['webhook-timestamp', 'When this attempt was made, in seconds since 1970'],
  ['webhook-signature', "`v1,` and a signature for each of the endpoint's secrets, separated by spaces"],
].map(([name, description]) => ({ name, in: 'header', required: true, description, schema: { type: 'string' } }))

/** What endpoints get, and how they answer: docs/webhooks.md. */
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
          '2XX': { description: 'You have it' },
          '410': { description: 'This event is given up at once' },
          default: { description: 'It is tried again, for three days' },
        },
      },
    },
  ]),
)
