import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { variableNames } from '@airlock/config'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readGatewayConfig } from '../../../../apps/gateway/src/config.ts'
import { readWorkerConfig } from '../../../../apps/worker/src/config.ts'
import { images } from '../../src/images.ts'

interface Service {
  image: string
  environment?: Record<string, string | number | null>
  ports?: string[]
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
  container_name?: string
}

const fileOf = (name: string) => readFileSync(new URL(`../../../../${name}`, import.meta.url), 'utf8')
const { services } = parse(fileOf('docker-compose.yml'), { merge: true }) as { services: Record<string, Service> }
const envExample = parseEnv(fileOf('.env.example')) as Record<string, string>
const own = Object.entries(services).filter(([name]) => !(name in images))

/**
 * What a container gets: of `${NAME:-default}` the default where NAME is not set or empty, of `${NAME-default}` where it is not set;
 * and a name without a value is handed on if it is set.
 *
 * @param set what stands in the shell or in `.env`
 */
function environmentOf(service: string, set: Record<string, string> = {}): Record<string, string> {
  const filledIn = (text: string) =>
    text.replaceAll(/\$\{(\w+)(:?)-([^}]*)\}/g, (_, name: string, colon: string, preset: string) =>
      colon === '' ? (set[name] ?? preset) : set[name] || preset,
    )
  return Object.fromEntries(
    Object.entries(services[service]?.environment ?? {}).flatMap(([name, value]) => {
      const text = value ?? set[name]
      return text === undefined ? [] : [[name, filledIn(String(text))]]
    }),
  )
}

/** Reads a configuration, and notes for which variables it asked. */
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

test.each(apps)('the $app starts with what the compose file gives it, also when nothing is set', ({ app, read }) => {
  expect(() => read(environmentOf(app))).not.toThrow()
})

test.each(apps)('a copy of .env.example beside the compose file changes nothing for the $app', ({ app, read }) => {
  expect(read(environmentOf(app, envExample))).toEqual(read(environmentOf(app)))
})

test.each(apps)('every setting of the $app can be made through the compose file', ({ app, read }) => {
  const given = Object.keys(services[app]?.environment ?? {})
  expect(asked(read, environmentOf(app)).filter((name) => !given.includes(name))).toEqual([])
})

test.each(own)('%s is given nothing that Airlock does not read', (_, { environment = {} }) => {
  expect(Object.keys(environment).filter((name) => !isRead(name))).toEqual([])
})

test('the secret that the compose file brings along is refused in production', () => {
  expect(() => readGatewayConfig({ ...environmentOf('gateway'), NODE_ENV: 'production' })).toThrow(/JWT_SECRET +is the example value/)
})

test('whatever the compose file opens, it opens to this machine alone', () => {
  const ports = Object.values(services).flatMap((service) => service.ports ?? [])
  expect(ports).toHaveLength(2)
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)
})

test.each(own)('%s can write nothing and has no capability', (_, service) => {
  expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] })
})

test('there can be several workers: none claims a name or a port of this machine', () => {
  expect(services.worker).not.toHaveProperty('container_name')
  expect(services.worker).not.toHaveProperty('ports')
})
