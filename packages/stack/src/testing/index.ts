export { encodedForm } from '../encoded-form.ts'
export { mustHoldNoSecret } from '../logged-secrets.ts'
export { installSchemathesis, schemathesis } from '../schemathesis.ts'
export { waitFor } from '../wait-for.ts'
export { testCertificate } from './certificate.ts'
export { compileCache } from './compile-cache.ts'
export { type IsolatedBucket, isolatedBucket } from './isolated-bucket.ts'
export { type IsolatedDatabase, isolatedDatabase } from './isolated-database.ts'
export { type IsolatedQueuePrefix, isolatedQueuePrefix } from './isolated-queue-prefix.ts'
export { type PrivateServer, privateServer } from './private-server.ts'
export { givenStack, type TestStack } from './test-stack.ts'
export {
  type AnswerMessage,
  answering,
  type ReceivedMessage,
  type ReceiverOptions,
  type WebhookReceiver,
  webhookReceiver,
} from './webhook-receiver.ts'
