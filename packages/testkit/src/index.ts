export { type PrivateServer, privateServer, waitFor } from '@airlock/dev-servers'
export { testCertificate } from './certificate.ts'
export { compileCache } from './compile-cache.ts'
export { FaultyLink } from './faulty-link.ts'
export { ask, responseOf, tokenFor } from './http.ts'
export { type IsolatedBucket, isolatedBucket } from './isolated-bucket.ts'
export { deleteAllRows, type IsolatedDatabase, isolatedDatabase } from './isolated-database.ts'
export { isolatedQueuePrefix } from './isolated-queue-prefix.ts'
export { mustHoldNoSecret, secretsIn } from './logged-secrets.ts'
export { installSchemathesis, schemathesis } from './schemathesis.ts'
export { givenStack, type TestStack } from './test-stack.ts'
export {
  type AnswerMessage,
  answering,
  type ReceivedMessage,
  type ReceiverOptions,
  type WebhookReceiver,
  webhookReceiver,
} from './webhook-receiver.ts'
