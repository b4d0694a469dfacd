import type { Guard } from '../guard.ts'
import { bell } from './bell.ts'
import { endings } from './endings.ts'
import { events } from './events.ts'
import { gateway } from './gateway.ts'
import { pipeline } from './pipeline.ts'
import { processes } from './processes.ts'
import { record } from './record.ts'
import { sweeper } from './sweeper.ts'
import { webhooks } from './webhooks.ts'
import { worker } from './worker.ts'

/** Guards of one road of an upload. */
export interface Road {
  /** As docs/failure-model.md calls it: each test that it names there has a guard here, and each of its roads stands here. */
  readonly heading: string
  readonly guards: readonly Guard[]
}

export const roads: readonly Road[] = [
  { heading: 'In at the gateway, for each file', guards: gateway },
  { heading: "In through the pipeline's door", guards: pipeline },
  { heading: 'The bell', guards: bell },
  { heading: 'The worker, step by step', guards: worker },
  { heading: 'Whole processes, whole servers', guards: processes },
  { heading: 'Cancelling and deleting', guards: endings },
  { heading: 'Webhooks', guards: webhooks },
  { heading: 'Events and the feed', guards: events },
  { heading: 'The sweeper itself', guards: sweeper },
  { heading: 'Looking after the record', guards: record },
]
