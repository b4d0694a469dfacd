import { systemResolve } from '@airlock/notifications'
import type { WorkerDeps } from '../src/worker-deps.ts'

/** No endpoints unless a test sets some, and short delays of retries. */
export const webhookOptions: WorkerDeps['webhooks'] = {
  endpoints: [],
  resolve: systemResolve(),
  mayCall: () => true,
  concurrency: 4,
  everySeconds: 0.1,
  leaseSeconds: 30,
  timeoutMs: 10_000,
  firstRetryMs: 50,
  giveUpAfterSeconds: 3600,
}
