import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StackFile, waitFor } from '@airlock/dev-servers'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startDashboards } from '../../../start/dashboards.ts'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dashboards '))
  mkdirSync(join(folder, 'bin/conf'), { recursive: true })
  mkdirSync(join(folder, 'logs'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** A program that prints its arguments and its settings, and runs until it is stopped. Asked about an image, it knows that of Grafana. */
function installs(name: string): void {
  const program = join(folder, 'bin', name)
  writeFileSync(
    program,
    `#!/bin/sh\n[ "$1" = image ] && { case "$3" in grafana*) exit 0;; *) exit 1;; esac; }\n[ "$1" = rm ] && exit 0\necho "args: $*"\n/usr/bin/env\nexec /bin/sleep 60\n`,
  )
  chmodSync(program, 0o755)
}

async function starts() {
  vi.stubEnv('PATH', join(folder, 'bin'))
  vi.stubEnv('JWT_SECRET', 'a-secret-of-the-gateway')
  const output: string[] = []
  const onLogLine = (name: string) => output.push(name)
  const file = new StackFile(folder)
  const { services, lines } = await startDashboards({
    root,
    file,
    onLogLine,
    say: () => {},
    gateway: '127.0.0.1:4000',
    worker: '127.0.0.1:4001',
  })
  await waitFor(() => services.every(({ name }) => output.includes(name)), { what: 'the programs to be up' })
  for (const service of services) await service.stop(5000)
  return { names: services.map(({ name }) => name), lines, output: services.map(({ logFile }) => readFileSync(logFile, 'utf8')).join('\n') }
}

test('what is not installed is named with a way to get it', async () => {
  expect(await starts()).toMatchObject({
    names: [],
    lines: [
      expect.stringMatching(/^Prometheus, .*: not installed\..*docker pull prom\/prometheus/),
      expect.stringMatching(/^Grafana, .*not installed/),
    ],
  })
})

test('Prometheus reads the metrics of this Airlock, and listens on this machine only', async () => {
  installs('prometheus')
  const { lines, output } = await starts()
  const port = /^Prometheus, with the alerts: http:\/\/127\.0\.0\.1:(\d+)$/.exec(lines[0] ?? '')?.[1]
  expect(output).toContain(`--web.listen-address=127.0.0.1:${port}`)
  expect(output).not.toContain('a-secret-of-the-gateway')
  const config = readFileSync(join(folder, 'dashboards/prometheus.yaml'), 'utf8')
  expect(config).toContain(`targets: ['127.0.0.1:4000']`)
  expect(config).toContain(`targets: ['127.0.0.1:4001']`)
  expect(config).toContain(join(root, 'deploy/prometheus/alerts.yaml'))
})

test('Grafana comes from an image that the engine has', async () => {
  installs('docker')
  const { names, lines, output } = await starts()
  expect(names).toEqual(['grafana'])
  expect(lines[0]).toContain('not installed')
  expect(output).toMatch(
    /args: run --rm --name airlock-grafana --network host .* --env GF_SERVER_HTTP_ADDR=127\.0\.0\.1 .* grafana\/grafana:12\.0\.2/,
  )
  const provisioned = JSON.parse(readFileSync(join(folder, 'dashboards/provisioning/dashboards/airlock.yaml'), 'utf8'))
  expect(provisioned.providers[0].options.path).toBe(join(root, 'deploy/grafana'))
})
