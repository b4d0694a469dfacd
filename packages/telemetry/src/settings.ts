/** Whether traces are exported, by the standard variables of OpenTelemetry; the libraries read all further ones. */
export type TracingSettings =
  | { readonly on: true; readonly protocol: 'http/protobuf' | 'http/json' }
  | { readonly on: false; readonly problem: string | null }

const off: TracingSettings = { on: false, problem: null }

/**
 * Traces are exported when an OTLP endpoint is set or OTEL_TRACES_EXPORTER is `otlp`. Values that are not supported switch them off and are
 * reported: the specification forbids that telemetry stops a service.
 *
 * @param env usually `process.env`; empty variables count as absent
 */
export function tracingSettings(env: Readonly<Record<string, string | undefined>>): TracingSettings {
  const read = (name: string) => env[name]?.trim() || undefined
  if (read('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return off
  const endpoint = read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? read('OTEL_EXPORTER_OTLP_ENDPOINT')
  const exporter = read('OTEL_TRACES_EXPORTER') ?? (endpoint === undefined ? 'none' : 'otlp')
  if (exporter === 'none') return off
  if (exporter !== 'otlp')
    return { on: false, problem: `OTEL_TRACES_EXPORTER is '${exporter.slice(0, 80)}': only otlp and none are supported` }
  if (endpoint !== undefined && !/^https?:\/\//i.test(endpoint))
    return { on: false, problem: 'the OTLP endpoint is not a URL of http or https' }
  const protocol = read('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? read('OTEL_EXPORTER_OTLP_PROTOCOL') ?? 'http/protobuf'
  if (protocol === 'http/protobuf' || protocol === 'http/json') return { on: true, protocol }
  return {
    on: false,
    problem: `OTEL_EXPORTER_OTLP_PROTOCOL is '${protocol.slice(0, 80)}': only http/protobuf and http/json are supported, usually on port 4318`,
  }
}
