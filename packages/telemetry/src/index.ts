import { TelemetryProblems } from './problems.ts'
import { tracingSettings } from './settings.ts'
import { noTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts'

export { BufferedLines } from './buffered-lines.ts'
export { type ContinuedSpan, noTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts'

/**
 * Starts tracing if the environment asks for it (docs/tracing.md).
 *
 * @param env `process.env`, because the libraries read it as well
 */
export async function startTelemetry(env: NodeJS.ProcessEnv, options: TelemetryOptions): Promise<Telemetry> {
  const settings = tracingSettings(env)
  if (!settings.on && settings.problem === null) return noTelemetry
  const problems = new TelemetryProblems()
  if (settings.on) {
    const { openTelemetry } = await import('./open-telemetry.ts')
    return openTelemetry(settings, options, env, problems)
  }
  problems.report(settings.problem)
  return { ...noTelemetry, reportTo: (log) => problems.reportTo(log) }
}
