import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Environment, type VariableName, variableNames, variables } from '@airlock/config'
import { lanes } from '@airlock/domain'
import { expect, onTestFinished, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { readGatewayConfig } from '../../../apps/gateway/src/config.ts'
import { readWorkerConfig } from '../../../apps/worker/src/config.ts'

/**
 * Renders the chart with Helm, and compares the result with the committed one (manifests.test.ts checks what is in it). After a change of the chart:
 *
 *   npm test -- tests/unit/chart -u
 */

const repository = fileURLToPath(new URL('../../../', import.meta.url))
const chart = `${repository}/deploy/helm/airlock`
const textOf = (path: string) => readFileSync(`${repository}/${path}`, 'utf8')

const run = promisify(execFile)
const isMissing = (program: string, flag: string) => spawnSync(program, [flag]).error !== undefined
const helmIsMissing = isMissing('helm', '--help')
const howToGetHelm = 'helm is missing: go install helm.sh/helm/v3/cmd/helm@v3.22.0'
/** Without a cluster, Helm assumes a version of Kubernetes that depends on how Helm was built. */
const helm = async (command: string, ...args: string[]) =>
  (await run('helm', [command, '--kube-version', '1.37.0', ...args], { cwd: chart })).stdout
const template = (args: readonly string[], release = 'airlock') => helm('template', release, '.', '--namespace', 'airlock', ...args)

/** The least values, and these. */
const set = (values: readonly string[]) => ['--values', 'ci/minimal.yaml', ...values.flatMap((value) => ['--set', value])]

test.for(['minimal', 'full'])('helm renders %s.yaml as committed', async (name, { expect, skip }) => {
  skip(helmIsMissing, howToGetHelm)
  const rendered = await template(['--values', `ci/${name}.yaml`])
  await expect(rendered.replace(/\n+(?=---\n|$)/g, '\n')).toMatchFileSnapshot(`${name}.yaml`) // Helm 3 adds fewer empty lines than Helm 4
})

test('helm lint finds nothing', async ({ skip }) => {
  skip(helmIsMissing, howToGetHelm)
  await expect(helm('lint', '.', '--strict', '--values', 'ci/full.yaml')).resolves.toContain('0 chart(s) failed')
})

test('Kubernetes knows every field', { timeout: 60_000 }, async ({ skip }) => {
  skip(isMissing('kubernetes-validate', '--version'), 'kubernetes-validate is missing: pip install kubernetes-validate')
  const files = ['minimal', 'full'].map((name) => fileURLToPath(new URL(`${name}.yaml`, import.meta.url)))
  await expect(run('kubernetes-validate', ['--strict', '--quiet', '--no-warn', ...files])).resolves.toBeDefined()
})

test('every optional part can be switched off', async ({ skip }) => {
  skip(helmIsMissing, howToGetHelm)
  const switches = [
    'gateway.autoscaling',
    'gateway.disruptionBudget',
    'worker.disruptionBudget',
    'migration',
    'networkPolicy',
    'serviceMonitor',
  ]
  const rendered = await template(set(switches.map((name) => `${name}.enabled=false`)))
  const manifests = parseAllDocuments(rendered).map((document) => document.toJS())
  const kinds = manifests.map(({ kind }: { kind: string }) => kind)
  expect(kinds.toSorted()).toEqual([...Array(4).fill('Deployment'), 'Service', 'ServiceAccount', 'ServiceAccount'])
})

test('unknown names and invalid values are refused, all of them together', async ({ skip }) => {
  skip(helmIsMissing, howToGetHelm)
  const problems = {
    'settings.S3_BUCKET_NAME=': "'/settings/S3_BUCKET_NAME': minLength",
    'settings.S3_BUKET_NAME=a-bucket': "'/settings': additional properties 'S3_BUKET_NAME' not allowed",
    'gateway.settings.WORKER_CONCURRENCY=4': "'/gateway/settings': additional properties 'WORKER_CONCURRENCY' not allowed",
    'worker.lanes.images.settings.WORKER_QUEUES=images': "additional properties 'WORKER_QUEUES' not allowed",
    'worker.lanes.images.replicas=0': "'/worker/lanes/images/replicas': minimum",
    'worker.lanes.audio.replicas=1': "additional properties 'audio' not allowed",
    'worker.lanes.videos=null': "'/worker/lanes': missing property 'videos'",
    'secrets.REDIS_URL=redis://:password@redis': "'/secrets/REDIS_URL': got string, want object",
  }
  const answer = await template(set(Object.keys(problems))).catch(String)
  for (const problem of Object.values(problems)) expect(answer).toContain(problem)
})

test.for([
  { message: 'gateway.secrets.JWT_SECRET or gateway.settings.JWKS_URL is required', values: ['gateway.secrets.JWT_SECRET=null'] },
  {
    message: 'at least one lane needs autoscaling.minReplicas of 1',
    values: ['worker.autoscaling.enabled=true', 'worker.lanes.images.autoscaling.minReplicas=0'],
  },
  {
    message: 'videos.autoscaling.maxReplicas is less than minReplicas or fallbackReplicas',
    values: ['worker.autoscaling.enabled=true', 'worker.lanes.videos.autoscaling.maxReplicas=1'],
  },
])('values that contradict each other are refused: $message', async ({ values, message }, { expect, skip }) => {
  skip(helmIsMissing, howToGetHelm)
  await expect(template(set(values))).rejects.toThrow(message)
})

test('names are valid for every release', async ({ skip }) => {
  skip(helmIsMissing, howToGetHelm)
  const release = 'a-release.with-the-most-characters-that-helm-permits'
  const rendered = await template(['--values', 'ci/full.yaml'], release)
  const names = [...rendered.matchAll(/^ {2}name: (.*)$/gm)].map(([, name = '']) => name)
  expect(names.length).toBeGreaterThan(10)
  const longest = 63 - 'keda-hpa-'.length // KEDA makes it a label
  expect(names.filter((name) => !/^[a-z][-a-z0-9]*[a-z0-9]$/.test(name) || name.length > longest)).toEqual([])
})

test('the values of the page are accepted', async ({ skip }) => {
  skip(helmIsMissing, howToGetHelm)
  const [, values = ''] = /```yaml\n([\s\S]*?) *```/.exec(textOf('docs/kubernetes.md')) ?? []
  const file = join(mkdtempSync(join(tmpdir(), 'airlock-chart-')), 'airlock-values.yaml')
  onTestFinished(() => rmSync(dirname(file), { recursive: true }))
  writeFileSync(file, values)
  expect(await template(['--values', file, '--set', 'worker.autoscaling.enabled=true'])).toContain(
    'arn:aws:iam::111122223333:role/airlock-gateway',
  )
})

test('the chart has the version of the packages', () => {
  const { version } = JSON.parse(textOf('package.json')) as { version: string }
  expect(parse(textOf('deploy/helm/airlock/Chart.yaml'))).toMatchObject({ version, appVersion: version })
})

/** @returns the names of the settings that a service reads */
function asked(read: (env: Environment) => unknown): VariableName[] {
  const names = new Set<PropertyKey>()
  expect(() => read(new Proxy<Environment>({}, { get: (_, name) => void names.add(name) }))).toThrow()
  return variableNames.filter((name) => names.has(name))
}

/** Set by the chart or in the images, which do not contain the page of TRY_PAGE. */
const setElsewhere = ['C2PA_TRUST_FILE', 'HOST', 'PORT', 'WORKER_PORT', 'METRICS_PORT', 'WORKER_QUEUES', 'AIRLOCK_REVISION', 'TRY_PAGE']

/** An access key is stored beside its secret. */
const isSecret = (name: VariableName) => 'secret' in variables[name] || name === 'AWS_ACCESS_KEY_ID'

const read = { gateway: asked(readGatewayConfig), worker: asked(readWorkerConfig) }

test.for([
  { of: 'gateway', names: read.gateway },
  { of: 'worker', names: read.worker },
  { of: 'shared', names: read.gateway.filter((name) => read.worker.includes(name)) },
])('the $of values take exactly the settings and secrets that are read', ({ of, names }, { expect }) => {
  const { $defs } = JSON.parse(textOf('deploy/helm/airlock/values.schema.json')) as { $defs: Record<string, { properties: object }> }
  const allowed = (definition: string) => Object.keys($defs[definition]?.properties ?? {}).toSorted()
  const settings = names.filter((name) => !isSecret(name) && !setElsewhere.includes(name))
  expect(allowed(`${of}Settings`)).toEqual(settings.toSorted())
  expect(allowed(`${of}Secrets`)).toEqual(names.filter(isSecret).toSorted())
})

test('the values have exactly the lanes that exist', () => {
  const { worker } = parse(textOf('deploy/helm/airlock/values.yaml')) as { worker: { lanes: object } }
  const schema = JSON.parse(textOf('deploy/helm/airlock/values.schema.json'))
  expect(Object.keys(worker.lanes)).toEqual(lanes)
  expect(schema.properties.worker.properties.lanes.required).toEqual(lanes)
})

test('the command of the page turns the alerts into a PrometheusRule', async () => {
  const [, command = ''] = /^(\{\n {2}printf[\s\S]*?^\}) \| kubectl/m.exec(textOf('docs/kubernetes.md')) ?? []
  const { stdout } = await run('sh', ['-c', command], { cwd: repository })
  const { groups } = parse(textOf('deploy/prometheus/alerts.yaml'))
  expect(parse(stdout)).toMatchObject({ apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule', spec: { groups } })
})
