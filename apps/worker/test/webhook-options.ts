import { systemResolve } from '@airlock/notifications'
import type { WorkerDeps } from '../src/worker-deps.ts'

/** Nobody is told, until a test names somebody. Failures come again soon. */
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
