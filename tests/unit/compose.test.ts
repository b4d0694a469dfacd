import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { exampleJwtSecret, variableNames } from '@airlock/config'
import { images } from '@airlock/dev-servers'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { readGatewayConfig } from '../../apps/gateway/src/config.ts'
import { readWorkerConfig } from '../../apps/worker/src/config.ts'

interface Service {
  image: string
  entrypoint?: string[]
  command?: string[]
  volumes?: string[]
  environment?: Record<string, string | number | null>
  ports?: string[]
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
  container_name?: string
}

const fileOf = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
const { services } = parse(fileOf('docker-compose.yml'), { merge: true }) as { services: Record<string, Service> }
const envExample = parseEnv(fileOf('.env.example')) as Record<string, string>
const own = Object.entries(services).filter(([name]) => !(name in images))

/** The secret that the entry point of the container reads from its volume. */
const generatedSecret = { JWT_SECRET: 'made-at-the-first-start-of-this-machine' }

/**
 * The environment of a container: `${NAME:-default}` is the default if NAME is not set or empty, `${NAME-default}` if it is not set; a name without a
 * value is passed on if it is set, and `${NAME:+other}` is the other text if NAME is set and not empty.
 *
 * @param set variables of the shell or `.env`
 */
function environmentOf(service: string, set: Record<string, string> = {}): Record<string, string> {
  const filledIn = (text: string) =>
    text
      .replaceAll(/\$\{(\w+):\+([^}]*)\}/g, (_, name: string, other: string) => (set[name] ? other : ''))
      .replaceAll(/\$\{(\w+)(:?)-([^}]*)\}/g, (_, name: string, colon: string, preset: string) =>
        colon === '' ? (set[name] ?? preset) : set[name] || preset,
      )
  const entryPoint: Record<string, string> =
    service === 'gateway' && ['', exampleJwtSecret].includes(`${set.JWT_SECRET ?? ''}${set.JWKS_URL ?? ''}`) ? generatedSecret : {}
  const given = Object.fromEntries(
    Object.entries(services[service]?.environment ?? {}).flatMap(([name, value]) => {
      const text = value ?? set[name]
      return text === undefined ? [] : [[name, filledIn(String(text))]]
    }),
  )
  return { ...given, ...entryPoint }
}

/** Reads a configuration. @returns the names of the variables that it read */
function asked(read: (env: Record<string, string>) => unknown, env: Record<string, string>): string[] {
  const names = new Set<string>()
  read(new Proxy(env, { get: (target, name) => target[names.add(String(name)) && String(name)] }))
  return [...names]
}

const isRead = (name: string): boolean => name === 'NODE_ENV' || variableNames.some((known) => known === name)

const apps = [
  { app: 'gateway', read: readGatewayConfig },
  { app: 'worker', read: readWorkerConfig },
] as const

test('the compose file runs the same servers as npm start and npm test', () => {
  expect(Object.fromEntries(Object.keys(images).map((name) => [name, services[name]?.image]))).toEqual(images)
})

test.each(apps)('the $app starts with the settings of the compose file, even if nothing is set', ({ app, read }) => {
  expect(() => read(environmentOf(app))).not.toThrow()
})

test.each(apps)('a copy of .env.example next to the compose file changes nothing for the $app', ({ app, read }) => {
  expect(read(environmentOf(app, envExample))).toEqual(read(environmentOf(app)))
})

test.each(apps)('every setting of the $app can be set through the compose file', ({ app, read }) => {
  const given = Object.keys(services[app]?.environment ?? {})
  const inImages = asked(read, environmentOf(app)).filter((name) => name !== 'TRY_PAGE') // images don't contain the page
  expect(inImages.filter((name) => !given.includes(name))).toEqual([])
})

test.each(own)('%s gets only settings that Airlock or OpenTelemetry reads', (_, { environment = {} }) => {
  expect(Object.keys(environment).filter((name) => !isRead(name) && !name.startsWith('OTEL_'))).toEqual([])
})

/** Runs the command of a container, with a local folder as its volume. @returns its output */
function ran(words: readonly string[], folder: string, env: Record<string, string> = {}): string {
  const [program = '', ...args] = words.map((word) => word.replaceAll('$$', '$').replaceAll('/secrets', folder))
  return execFileSync(program, args, { env: { PATH: process.env.PATH ?? '', ...env }, encoding: 'utf8' }).trim()
}

test('without a secret the first start generates one, which only the gateway and ops can read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-secrets-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const { secrets, gateway, ops } = services
  const entryPoint = gateway?.entrypoint ?? []
  const secretOf = (env: Record<string, string> = {}) => ran([...entryPoint, process.execPath, '-p', 'process.env.JWT_SECRET'], folder, env)

  ran(secrets?.command ?? [], folder)
  const made = secretOf()
  ran(secrets?.command ?? [], folder)

  expect(Buffer.byteLength(made)).toBeGreaterThanOrEqual(48)
  expect(secretOf()).toBe(made) // a second start keeps it
  expect(statSync(join(folder, 'jwt-secret')).mode & 0o077).toBe(0)
  expect(secretOf({ JWT_SECRET: 'mine' })).toBe('mine')
  expect(secretOf({ JWKS_URL: 'https://id.example.com' })).toBe('undefined')
  expect(secretOf({ JWT_SECRET: exampleJwtSecret })).toBe(made) // a copy of .env.example changes nothing
  expect(ops?.entrypoint?.[2]).toContain(entryPoint[2]?.split(' exec ')[0])
  const readers = Object.entries(services).filter(([, { volumes = [] }]) => volumes.some((volume) => volume.startsWith('secrets:')))
  expect(readers.map(([name]) => name).sort()).toEqual(['gateway', 'ops', 'secrets'])
})

test('Redis requires the password that the others use', () => {
  for (const set of [{}, { REDIS_PASSWORD: 'of-my-own' }]) {
    const { password } = new URL(environmentOf('gateway', set).REDIS_URL ?? '')
    expect(password).toBe(set.REDIS_PASSWORD ?? 'airlock-development')
    expect(environmentOf('worker', set).REDIS_URL).toBe(environmentOf('gateway', set).REDIS_URL)
    expect(environmentOf('redis', set).REDISCLI_AUTH).toBe(password)
  }
  const command = services.redis?.command ?? []
  // biome-ignore lint/suspicious/noTemplateCurlyInString: compose substitutes it
  expect(command[command.indexOf('--requirepass') + 1]).toBe('${REDIS_PASSWORD:-airlock-development}')
})

test('the compose file publishes ports only on this machine', () => {
  const ports = Object.values(services).flatMap((service) => service.ports ?? [])
  expect(ports).toHaveLength(2)
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)
})

test.each(own)('%s has a read-only file system and no capabilities', (_, service) => {
  expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] })
})

test('workers can be scaled: they have no fixed name or port', () => {
  expect(services.worker).not.toHaveProperty('container_name')
  expect(services.worker).not.toHaveProperty('ports')
})
