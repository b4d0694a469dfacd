import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type VariableName, variables } from '@airlock/config'
import { lanes } from '@airlock/domain'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { readGatewayConfig } from '../../../apps/gateway/src/config.ts'
import { readWorkerConfig } from '../../../apps/worker/src/config.ts'

/** Checks the rendered manifests of the chart, which chart.test.ts compares with what Helm renders: what a cluster would refuse or run wrongly. */

interface Variable {
  name: string
  value?: string
  valueFrom?: { secretKeyRef: { name: string; key: string } }
}

interface Probe {
  httpGet: { path: string; port: string }
}

interface Container {
  name: string
  command?: string[]
  env: Variable[]
  ports?: { name: string; containerPort: number }[]
  securityContext: object
  resources: { limits: { cpu?: string; memory: string } }
  startupProbe: Probe
  livenessProbe: Probe
  readinessProbe: Probe
}

interface Pod {
  terminationGracePeriodSeconds: number
  serviceAccountName?: string
  containers: [Container]
}

type Labels = Record<string, string>

interface Manifest {
  kind: string
  metadata: { name: string; labels: Labels; annotations?: Labels }
  spec: {
    replicas?: number
    selector: Labels & { matchLabels: Labels }
    podSelector: { matchLabels: Labels }
    scaleTargetRef: { name: string }
    template: { metadata: { labels: Labels }; spec: Pod }
    ingress?: { ports: { port: number }[]; from?: object[] }[]
    egress: { ports: { port: number }[] }[]
    ports: { name: string; port: number; targetPort: string }[]
    endpoints: { port: string; relabelings: { replacement: string }[] }[]
    secretTargetRef: { name: string; key: string }[]
    advanced?: object
  }
}

const textOf = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
const manifestsIn = (path: string) => parseAllDocuments(textOf(path)).map((document) => document.toJS() as Manifest)

const all = { minimal: manifestsIn('tests/unit/chart/minimal.yaml'), full: manifestsIn('tests/unit/chart/full.yaml') }
const of = (name: keyof typeof all, ...kinds: string[]) => all[name].filter(({ kind }) => kinds.includes(kind))
const both = ['minimal', 'full'] as const

const selects = (selector: Labels, labels: Labels) => Object.entries(selector).every(([name, value]) => labels[name] === value)
const variable = (container: Container, name: string) => container.env.find((one) => one.name === name)?.value

/** A deployment's container and the service that runs in it. */
const servicesIn = (name: keyof typeof all) =>
  of(name, 'Deployment').map(({ metadata, spec: { template } }) => ({
    name: metadata.name,
    pod: template.spec,
    container: template.spec.containers[0],
    service: template.spec.containers[0].name as 'gateway' | 'worker',
  }))

test.for(both)('%s: every selector selects pods, and a deployment only its own', (name, { expect }) => {
  const pods = of(name, 'Deployment', 'Job').map(({ metadata, spec }) => ({ of: metadata.name, labels: spec.template.metadata.labels }))
  const selected = (selector: Labels) => pods.filter(({ labels }) => selects(selector, labels)).map((pod) => pod.of)
  for (const { metadata, spec } of of(name, 'Deployment', 'PodDisruptionBudget'))
    expect(selected(spec.selector.matchLabels)).toEqual([metadata.name])
  for (const { metadata, spec } of [...of(name, 'NetworkPolicy'), ...of(name, 'Service')]) {
    const found = selected(spec.podSelector?.matchLabels ?? spec.selector)
    expect(found.length).toBeGreaterThan(0)
    expect(found.filter((pod) => !pod.startsWith(metadata.name.replace(/-metrics$/, '')))).toEqual([])
  }
  const accounts = of(name, 'ServiceAccount').map(({ metadata }) => metadata.name)
  for (const { pod } of servicesIn(name)) expect([...accounts, 'existing']).toContain(pod.serviceAccountName)
})

test.for(both)('%s: each lane has its own workers', (name, { expect }) => {
  const workers = servicesIn(name).filter(({ service }) => service === 'worker')
  const served = workers.map((worker) => [worker.name, variable(worker.container, 'WORKER_QUEUES')])
  expect(served.toSorted()).toEqual(lanes.map((lane) => [`airlock-worker-${lane}`, lane]).toSorted())
})

/** What the Secrets of a working installation contain. */
const secretValues: Partial<Record<string, string>> = {
  DATABASE_URL: variables.DATABASE_URL.example,
  DATABASE_DIRECT_URL: variables.DATABASE_URL.example,
  REDIS_URL: variables.REDIS_URL.example,
  JWT_SECRET: 'a-secret-that-is-longer-than-32-bytes',
  ACCESS_LOG_IP_HASH_KEY: 'a-secret-that-is-longer-than-32-bytes',
  AWS_ACCESS_KEY_ID: 'airlock',
  AWS_SECRET_ACCESS_KEY: 'airlock',
  WEBHOOK_URLS: 'https://shop.example.com/airlock',
  WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32).toString('base64')}`,
}

/** In place of the mounted one. */
const trustFile = fileURLToPath(new URL('../../../packages/config/test/certificates.pem', import.meta.url))

test('only workers get the list of trusted certificates, at the path of its setting', () => {
  for (const { pod, container, service } of servicesIn('full')) {
    const expected = service === 'worker' ? '/trust/certificates.pem' : undefined
    expect(variable(container, 'C2PA_TRUST_FILE')).toBe(expected)
    expect(JSON.stringify(pod).includes('"mountPath":"/trust"')).toBe(expected !== undefined)
    expect(JSON.stringify(pod).includes('content-credentials')).toBe(expected !== undefined)
  }
})

test.for(both)('%s: each service starts with its settings', (name, { expect }) => {
  for (const { container, service } of servicesIn(name)) {
    const given = container.env.map((one) => [one.name, one.value ?? secretValues[one.name]] as const)
    const env: Record<string, string | undefined> = { ...Object.fromEntries(given), NODE_ENV: 'production' }
    if (env.C2PA_TRUST_FILE) env.C2PA_TRUST_FILE = trustFile
    expect(new Set(given.map(([key]) => key)).size).toBe(given.length)
    expect(() => (service === 'gateway' ? readGatewayConfig(env) : readWorkerConfig(env))).not.toThrow()
  }
})

test.for(both)('%s: no secret is a plain value, and only secrets are references', (name, { expect }) => {
  const env = of(name, 'Deployment', 'Job').flatMap(({ spec }) => spec.template.spec.containers[0].env)
  const isSecret = (one: Variable) => 'secret' in (variables[one.name as VariableName] ?? {}) || one.name === 'AWS_ACCESS_KEY_ID'
  expect(env.filter((one) => isSecret(one) !== (one.valueFrom !== undefined))).toEqual([])
})

test('the page names every Secret, and every key in it, that the values refer to', () => {
  const page = textOf('docs/kubernetes.md')
  const references = of('minimal', 'Deployment').flatMap(({ spec }) =>
    spec.template.spec.containers[0].env.flatMap((one) => one.valueFrom?.secretKeyRef ?? []),
  )
  const metricsDatabase = of('full', 'TriggerAuthentication').flatMap(({ spec }) => spec.secretTargetRef)
  for (const { name, key } of [...references, ...metricsDatabase])
    expect(page).toMatch(new RegExp(`secret generic ${name}\\b[^#]*--from-literal=${key}=`))
})

test.for(both)('%s: every pod is locked down', (name, { expect }) => {
  for (const { spec } of of(name, 'Deployment', 'Job')) {
    expect(spec.template.spec).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      volumes: expect.arrayContaining([{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }]),
    })
    expect(spec.template.spec.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  }
})

test.for(both)('%s: probes, Services and monitors name ports on which the service listens', (name, { expect }) => {
  const routes = { gateway: textOf('apps/gateway/src/routes/health.ts'), worker: textOf('apps/worker/src/health.ts') }
  for (const { container, service } of servicesIn(name)) {
    const ports = Object.fromEntries((container.ports ?? []).map((port) => [port.name, String(port.containerPort)]))
    const own = variable(container, service === 'gateway' ? 'PORT' : 'WORKER_PORT')
    expect(ports.metrics).toBe(variable(container, 'METRICS_PORT'))
    for (const { httpGet } of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      expect(ports[httpGet.port]).toBe(own)
      expect(routes[service]).toContain(`'${httpGet.path}'`)
    }
  }
  for (const { spec } of of(name, 'Service')) {
    const pods = of(name, 'Deployment').filter((one) => selects(spec.selector, one.spec.template.metadata.labels))
    for (const { targetPort } of spec.ports)
      for (const pod of pods) expect(pod.spec.template.spec.containers[0].ports?.map((port) => port.name)).toContain(targetPort)
  }
  for (const { metadata, spec } of of(name, 'ServiceMonitor')) {
    const services = of(name, 'Service').filter((one) => selects(spec.selector.matchLabels, one.metadata.labels))
    expect(services.map((one) => one.metadata.name)).toEqual([`${metadata.name}-metrics`])
    expect(services[0]?.spec.ports[0]?.name).toBe(spec.endpoints[0]?.port)
    expect(spec.endpoints[0]?.relabelings[0]?.replacement).toMatch(/^airlock-(gateway|worker)$/)
  }
})

test.for(both)('%s: replicas are fixed exactly where no autoscaler sets them', (name, { expect }) => {
  const scaled = of(name, 'HorizontalPodAutoscaler', 'ScaledObject').map(({ spec }) => spec.scaleTargetRef.name)
  const deployments = of(name, 'Deployment')
  const unfixed = deployments.filter(({ spec }) => spec.replicas === undefined).map(({ metadata }) => metadata.name)
  expect(unfixed.toSorted()).toEqual(scaled.toSorted())
  expect(scaled).toHaveLength(name === 'full' ? 4 : 1)
})

test('the autoscalers of the lanes are those of deploy/keda', () => {
  const documented = manifestsIn('deploy/keda/scaled-objects.yaml')
  for (const { kind, metadata, spec } of documented) {
    const own = all.full.find((one) => one.kind === kind && one.metadata.name === metadata.name)
    const { advanced: _, ...rest } = own?.spec ?? {}
    expect(rest).toEqual(spec)
  }
  expect(of('full', 'ScaledObject', 'TriggerAuthentication')).toHaveLength(documented.length)
})

test.for(both)('%s: a service gets time for all phases of its shutdown', (name, { expect }) => {
  const slackSeconds = 2 // packages/config/src/service.ts
  for (const { pod, container, service } of servicesIn(name)) {
    const limits = [...textOf(`apps/${service}/src/main.ts`).matchAll(/limitMs: (.*?),/g)].map(([, limit = '']) => limit)
    expect(limits).toHaveLength(4)
    const constants = limits.flatMap((limit) => limit.replace(/\w+\.\w+ \* 1000/, '').match(/\d+/g) ?? []).map(Number)
    const settings = [
      Number(variable(container, 'SHUTDOWN_GRACE_S') ?? variables.SHUTDOWN_GRACE_S.default),
      service === 'gateway' ? Number(variable(container, 'SHUTDOWN_NOT_READY_SECONDS') ?? variables.SHUTDOWN_NOT_READY_SECONDS.default) : 0,
    ]
    const needed = [...settings, ...constants.map((ms) => ms / 1000), slackSeconds].reduce((sum, seconds) => sum + seconds)
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(needed)
    expect(pod.terminationGracePeriodSeconds).toBeLessThan(needed + 15)
  }
})

test('the memory of a worker is enough for all its inspectors', () => {
  const { container } = servicesIn('minimal').find(({ service }) => service === 'worker') ?? {}
  const { cpu, memory } = container?.resources.limits ?? {}
  const inspectors = Math.min(Number(cpu), Number(variables.WORKER_CONCURRENCY.default)) + 1
  expect(Number(memory?.replace('Mi', ''))).toBeGreaterThanOrEqual(inspectors * Number(variables.INSPECT_MEMORY_MIB.default) + 200)
})

test.for(both)('%s: only clients reach gateways, and only Prometheus reaches metrics', (name, { expect }) => {
  const ingress = Object.fromEntries(of(name, 'NetworkPolicy').map(({ metadata, spec }) => [metadata.name, spec.ingress ?? []]))
  const metrics = { ports: [{ protocol: 'TCP', port: 9464 }], from: [expect.objectContaining({ namespaceSelector: expect.anything() })] }
  expect(ingress['airlock-migration']).toEqual([])
  expect(ingress['airlock-worker']).toEqual([metrics])
  expect(ingress['airlock-gateway']).toEqual([expect.objectContaining({ ports: [{ protocol: 'TCP', port: 3000 }] }), metrics])
})

test('the migration runs before the services, and refers to nothing that the chart creates', () => {
  for (const name of both) {
    const [job] = of(name, 'Job')
    expect(job?.metadata.annotations).toMatchObject({ 'helm.sh/hook': 'pre-install,pre-upgrade' })
    const policy = of(name, 'NetworkPolicy').find(({ metadata }) => metadata.name === job?.metadata.name)
    expect(policy?.metadata.annotations).toEqual({ ...job?.metadata.annotations, 'helm.sh/hook-weight': '-1' })
    expect(job?.spec.template.spec.serviceAccountName).toBeUndefined()
    const names = job?.spec.template.spec.containers[0].env.filter(({ valueFrom }) => valueFrom).map((one) => one.name)
    expect(names).toContain('DATABASE_URL')
    expect(textOf('docker-compose.yml')).toContain(`command: [${job?.spec.template.spec.containers[0].command?.join(', ')}]`)
  }
})
