import { expect, test } from 'vitest'
import { tracingSettings } from '../../src/settings.ts'

const endpoint = 'http://127.0.0.1:4318'

test.for([
  ['nothing is set', {}],
  ['variables are empty', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ', OTEL_TRACES_EXPORTER: '' }],
  ['only attributes are set', { OTEL_SERVICE_NAME: 'uploads', OTEL_TRACES_SAMPLER: 'always_on', OTEL_RESOURCE_ATTRIBUTES: 'a=b' }],
  ['the exporter is none', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_EXPORTER: 'none' }],
  ['the SDK is disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: 'TRUE' }],
] as const)('traces are off when %s', ([, env]) => {
  expect(tracingSettings(env)).toEqual({ on: false, problem: null })
})

test.for([
  ['an endpoint is set', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, 'http/protobuf'],
  ['an endpoint of traces is set', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/v1/traces` }, 'http/protobuf'],
  ['the exporter is set', { OTEL_TRACES_EXPORTER: 'otlp' }, 'http/protobuf'],
  ['JSON is asked for', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, 'http/json'],
  ['the SDK is not disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: 'false' }, 'http/protobuf'],
] as const)('traces are on when %s', ([, env, protocol]) => {
  expect(tracingSettings(env)).toEqual({ on: true, protocol })
})

test.for([
  ['an exporter', { OTEL_TRACES_EXPORTER: 'zipkin' }, /zipkin/],
  ['a protocol', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /grpc.*4318/],
  ['an endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: 'user:secret' }, /^the OTLP endpoint is not a URL of http or https$/],
] as const)('%s that is not supported is reported, and traces are off', ([, env, problem]) => {
  expect(tracingSettings(env)).toEqual({ on: false, problem: expect.stringMatching(problem) })
})
