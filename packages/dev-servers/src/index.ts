export { findEngine } from './engine.ts'
export { freePort, freePorts } from './free-ports.ts'
export { StackInUse } from './leftovers.ts'
export { identityOf, isRunning, kill } from './process-identity.ts'
export { type Controls, images, workQueue } from './server.ts'
export { programInPath } from './servers/fetch-program.ts'
export { postgresAnswers, urlOfDatabase, withPostgres } from './servers/postgres.ts'
export { redisAnswers, withRedis } from './servers/redis.ts'
export { ensureBucket, keysIn, openUploadsIn, type S3Address, type S3Kind, s3Answers, s3Client } from './servers/s3.ts'
export {
  defaultDataDir,
  keptIn,
  type PrivateServer,
  privateServer,
  resetStack,
  type Stack,
  type StackOptions,
  startStack,
} from './stack.ts'
export { type ProcessEntry, readStackRecord, type ServerName, StackFile, type StackRecord } from './stack-file.ts'
export { waitFor, within } from './wait-for.ts'
