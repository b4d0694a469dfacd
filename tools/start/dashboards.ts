import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { programInPath } from '@airlock/dev-servers'
import { choosePort } from './ports.ts'
import { describeEnding, type Program, type Service, type ServicesContext, startService } from './service.ts'

/** Prometheus and Grafana for `npm start -- --dashboards`: as they are installed, or from images that a container engine has. */

export interface DashboardOptions extends Pick<ServicesContext, 'root' | 'file' | 'onLogLine'> {
  readonly say: (line: string) => void
  /** `host:port` of the metrics of each service. */
  readonly gateway: string
  readonly worker: string
}

const images = { prometheus: 'prom/prometheus:v3.5.0', grafana: 'grafana/grafana:12.0.2' } as const
const install = {
  prometheus: "Debian's package prometheus, `brew install prometheus`, https://prometheus.io/download/",
  grafana: 'https://grafana.com/grafana/download, `brew install grafana`',
} as const
type Tool = keyof typeof images

/** Neither is reachable from other machines. */
const host = '127.0.0.1'

/** @returns what was started, and lines for the screen: addresses, and how to get what is missing */
export async function startDashboards(options: DashboardOptions): Promise<{ services: Service[]; lines: string[] }> {
  const prometheusPort = await choosePort(host, 'the port of Prometheus', undefined, 9090)
  const grafanaPort = await choosePort(host, 'the port of Grafana', undefined, 3300)
  const folder = join(options.file.folder, 'dashboards')
  const context = { ...options, env: { PATH: process.env.PATH, HOME: process.env.HOME } }
  const services: Service[] = []
  const lines: string[] = []
  for (const [tool, title, port, program] of [
    ['prometheus', 'Prometheus, with the alerts', prometheusPort, () => prometheus(folder, prometheusPort, options)],
    ['grafana', 'Grafana, with the dashboards', grafanaPort, () => grafana(folder, grafanaPort, prometheusPort, options.root)],
  ] as const) {
    const found = await program()
    if (found === null) {
      lines.push(`${title}: not installed. Get it (${install[tool]}), or \`docker pull ${images[tool]}\``)
      continue
    }
    const service = await startService(found, context)
    void service.ended.then((ending) => {
      const isStopped = ending.code === 0 || ending.signal === 'SIGTERM'
      if (!isStopped) options.say(`${tool} ${describeEnding(ending)}; its log: ${service.logFile}`)
    })
    services.push(service)
    lines.push(`${title}: http://${host}:${port}`)
  }
  return { services, lines }
}

async function prometheus(folder: string, port: number, { root, gateway, worker }: DashboardOptions): Promise<Program | null> {
  const data = join(folder, 'prometheus')
  mkdirSync(data, { recursive: true })
  const rules = join(root, 'deploy/prometheus')
  const config = readFileSync(join(rules, 'prometheus.yaml'), 'utf8')
    .replace('127.0.0.1:3000', gateway)
    .replace('127.0.0.1:3001', worker)
    .replace('- alerts.yaml', `- ${JSON.stringify(join(rules, 'alerts.yaml'))}`)
    .replaceAll('interval: 15s', 'interval: 5s')
  writeFileSync(join(folder, 'prometheus.yaml'), config)
  const args = [
    `--config.file=${join(folder, 'prometheus.yaml')}`,
    `--storage.tsdb.path=${data}`,
    `--web.listen-address=${host}:${port}`,
    '--log.level=warn',
  ]
  const installed = programInPath('prometheus')
  const command = installed === null ? await inContainer('prometheus', [folder, rules], {}) : [installed]
  return command && { name: 'prometheus', command: [...command, ...args] }
}

async function grafana(folder: string, port: number, prometheusPort: number, root: string): Promise<Program | null> {
  const provisioning = join(folder, 'provisioning')
  const dashboards = join(root, 'deploy/grafana')
  const provide = (kind: string, content: object) => {
    mkdirSync(join(provisioning, kind), { recursive: true })
    writeFileSync(join(provisioning, kind, 'airlock.yaml'), JSON.stringify({ apiVersion: 1, ...content }))
  }
  const url = `http://${host}:${prometheusPort}`
  provide('datasources', { datasources: [{ name: 'Prometheus', type: 'prometheus', access: 'proxy', url, isDefault: true }] })
  provide('dashboards', { providers: [{ name: 'airlock', folder: 'Airlock', type: 'file', options: { path: dashboards } }] })
  const data = join(folder, 'grafana')
  mkdirSync(data, { recursive: true })
  // everybody on this machine may look, nobody may log in
  const env = {
    GF_SERVER_HTTP_ADDR: host,
    GF_SERVER_HTTP_PORT: String(port),
    GF_PATHS_DATA: data,
    GF_PATHS_LOGS: data,
    GF_PATHS_PLUGINS: join(data, 'plugins'),
    GF_PATHS_PROVISIONING: provisioning,
    GF_AUTH_ANONYMOUS_ENABLED: 'true',
    GF_AUTH_DISABLE_LOGIN_FORM: 'true',
    GF_AUTH_BASIC_ENABLED: 'false',
    GF_ANALYTICS_REPORTING_ENABLED: 'false',
    GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
    GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
    GF_LOG_LEVEL: 'warn',
  }
  const installed = programInPath('grafana') ?? programInPath('grafana-server')
  const home = installed === null ? undefined : homeOf(installed)
  if (installed === null || home === undefined) {
    const command = await inContainer('grafana', [folder, dashboards], env)
    return command && { name: 'grafana', command }
  }
  const server = installed.endsWith('grafana') ? ['server'] : []
  return { name: 'grafana', command: [installed, ...server, '--homepath', home], env }
}

/** The folder of Grafana's own files: beside the program, or where packages of Debian and Homebrew have it. */
const homeOf = (program: string): string | undefined =>
  [
    dirname(dirname(realpathSync(program))),
    '/usr/share/grafana',
    '/opt/homebrew/opt/grafana/share/grafana',
    '/usr/local/opt/grafana/share/grafana',
  ].find((folder) => existsSync(join(folder, 'conf/defaults.ini')))

/** @returns the command that runs the image, which the engine must have; null if it has not. Folders have the same paths inside */
async function inContainer(tool: Tool, folders: readonly string[], env: Readonly<Record<string, string>>): Promise<string[] | null> {
  const engine = programInPath('docker') ?? programInPath('podman')
  if (engine === null) return null
  const asked = (...args: string[]) => promisify(execFile)(engine, args, { timeout: 10_000 })
  if ((await asked('image', 'inspect', images[tool]).catch(() => null)) === null) return null
  const name = `airlock-${tool}`
  await asked('rm', '--force', name).catch(() => {}) // of a run that was killed
  const user = process.getuid === undefined ? [] : ['--user', `${process.getuid()}:${process.getgid?.()}`]
  const mounts = folders.flatMap((folder) => ['--volume', `${folder}:${folder}`])
  const settings = Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`])
  return [engine, 'run', '--rm', '--name', name, '--network', 'host', ...user, ...mounts, ...settings, images[tool]]
}
