export { type EnvFile, loadEnvFile, readEnvFile } from './env-file.ts'
export { errorLine, errorsInLogs, errorText, type LoggedError, loggedError } from './logged-errors.ts'
export { type Metrics, type MetricsServer, serveMetrics } from './metrics-server.ts'
export type { Variable } from './parsers.ts'
export { type Config, ConfigError, type ConfigProblem, type Environment, readConfig } from './read-config.ts'
export {
  type Build,
  buildOf,
  type Dependency,
  type DependencyStates,
  dependencies,
  dependencyChecks,
  type PoolUse,
  type Reading,
  readInTime,
  serviceReadings,
} from './readings.ts'
export {
  databaseSettings,
  databaseVariables,
  inspectionSettings,
  inspectionVariables,
  sizeLimits,
  sizeLimitVariables,
  storeSettings,
  storeVariables,
  sweepSettings,
  sweepVariables,
  type WebhookEndpoint,
  webhookSettings,
  webhookVariables,
} from './servers.ts'
export { runPhases, type ShutdownLog, type ShutdownOptions, type ShutdownPhase, shutDownAtSignal, startService } from './service.ts'
export { exampleJwtSecret, type ValueOf, type VariableName, variableNames, variables } from './variables.ts'
export { webhookSecret } from './webhook-parsers.ts'
