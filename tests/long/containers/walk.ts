import { randomBytes, randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findEngine, freePorts } from '@airlock/dev-servers'
import { type Client, type FileToSend, gatewayClient } from '@airlock/testkit/http'
import { type Finding, inFolder, type LongStep, lineOf, proveAll, type StepContext, skipped } from '../check.ts'
import { checks, tidiness } from './checks.ts'
import { ComposeProject, findCompose } from './compose-project.ts'

/** Airlock in containers as started by docker-compose.yml, next to other programs on this machine. */
export interface Walk {
  readonly project: ComposeProject
  readonly root: string
  readonly gatewayUrl: string
  readonly stop: AbortSignal
  /** A token of a new user, created by `ops` in the containers. */
  token(): Promise<string>
  /** A client of the gateway, as a new user. */
  client(): Promise<Client>
  /** A picture of the samples, by its path among them. */
  picture(path: string): Promise<FileToSend>
}

export const containerWalk: LongStep = {
  name: 'containers',
  about: 'docker-compose.yml with an engine: build, samples, three workers, a stop during work, removal',
  async run(context) {
    const engine = await findEngine(context.env)
    if (typeof engine === 'string') return leaveOut(engine, context)
    const found = await findCompose(context.env)
    if (found === null) return leaveOut('neither `docker compose` nor `docker-compose` is here', context)
    context.say(`With ${found.program.join(' ')} ${found.version}; building the images takes minutes the first time.`)
    return walk(found.program, context)
  },
}

function leaveOut(why: string, { say }: StepContext): Finding[] {
  const finding = skipped('Airlock runs in containers', why)
  say(lineOf(finding))
  return [finding]
}

async function walk(program: readonly [string, ...string[]], context: StepContext): Promise<Finding[]> {
  return inFolder('walk', async (folder) => {
    const envFile = join(folder, 'empty.env')
    await writeFile(envFile, '')
    const [port, s3Port] = await freePorts(2)
    const settings = { PORT: String(port), S3_PORT: String(s3Port), JWT_SECRET: randomBytes(48).toString('base64') }
    const name = `airlock-walk-${randomBytes(4).toString('hex')}`
    const project = new ComposeProject(program, { root: context.root, name, envFile, env: { ...forTheEngine(context.env), ...settings } })
    const findings = await proveAll(checks, walkThrough(project, `http://127.0.0.1:${port}`, context), context)
    return [...findings, ...(await proveAll(tidiness, project, { ...context, stop: new AbortController().signal }))]
  })
}

function walkThrough(project: ComposeProject, gatewayUrl: string, { root, stop }: StepContext): Walk {
  const token = async (): Promise<string> =>
    (await project.compose(['run', '--rm', '-T', 'ops', 'token', '--user', randomUUID()], { stop })).trim()
  return {
    project,
    root,
    gatewayUrl,
    stop,
    token,
    client: async () => gatewayClient({ baseUrl: gatewayUrl, token: await token(), signal: stop }),
    picture: async (path) => ({
      name: path,
      mediaType: 'image/jpeg',
      bytes: await readFile(join(root, 'examples/samples', path)),
      fields: { asset_type: 'brand_image' },
    }),
  }
}

/** The variables that a client of the engine needs. Settings of Airlock in a developer's shell must not have an effect. */
const forTheEngine = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => /^(PATH|HOME|USER|TMPDIR|XDG_RUNTIME_DIR|DOCKER_.+|.+_PROXY)$/i.test(name)))
