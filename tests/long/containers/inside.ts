import type { ComposeProject, Container } from './compose-project.ts'

/** The permissions of a process in a container. */
export interface Freedoms {
  readonly uid: number
  /** A bit each. */
  readonly capabilities: number
  readonly noNewPrivileges: boolean
  /** Places in which files could be created. */
  readonly written: readonly string[]
}

/** Contents of a container that it should not have. */
export interface Holdings {
  readonly apps: readonly string[]
  /** Development packages that are most likely to be included by mistake. */
  readonly tools: readonly string[]
  /** Our TypeScript sources. */
  readonly sources: readonly string[]
  readonly native: readonly string[]
}

const lookAtFreedoms = `
  const fs = require('node:fs')
  const status = fs.readFileSync('/proc/1/status', 'utf8')
  const field = (name) => status.match(new RegExp('^' + name + ':\\\\s*(\\\\S+)', 'm'))[1]
  const written = ['/app/x', '/app/apps/x', '/tmp/x', '/home/node/x', '/var/tmp/x'].filter((path) => {
    try { fs.writeFileSync(path, 'x'); return true } catch { return false }
  })
  const capabilities = ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].reduce((sum, name) => sum + parseInt(field(name), 16), 0)
  process.stdout.write(JSON.stringify({ uid: Number(field('Uid')), capabilities, noNewPrivileges: field('NoNewPrivs') === '1', written }))`

const lookAtHoldings = `
  const fs = require('node:fs')
  const tools = ['typescript', 'vitest', 'turbo', '@biomejs', '@types/pg', 'testcontainers', 'fast-check', '@airlock/dev-servers', '@airlock/testkit', '.bin']
  process.stdout.write(JSON.stringify({
    apps: fs.readdirSync('/app/apps').sort(),
    tools: tools.filter((name) => fs.existsSync('/app/node_modules/' + name)),
    sources: fs.globSync('{apps,packages}/**/*.ts', { cwd: '/app' }),
    native: fs.globSync('node_modules/**/*.{node,so,so.*}', { cwd: '/app' }).map((path) => path.split('/').slice(1, 3).join('/')).sort(),
  }))`

export const freedoms = async (project: ComposeProject, container: Container): Promise<Freedoms> =>
  JSON.parse(await project.inside(container, ['node', '-e', lookAtFreedoms])) as Freedoms

export const holdings = async (project: ComposeProject, container: Container): Promise<Holdings> =>
  JSON.parse(await project.inside(container, ['node', '-e', lookAtHoldings])) as Holdings
