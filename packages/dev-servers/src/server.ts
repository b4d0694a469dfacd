import type { ContainerRuntimeClient } from 'testcontainers'
import { noEngine } from './engine.ts'
import type { ServerName, StackFile } from './stack-file.ts'

/** The tested version of SeaweedFS, for the container's tag and the PyPI wheel. */
export const seaweedfsVersion = '4.48'

/** The images that the stack starts. docker-compose.yml names the same ones. */
export const images = {
  postgres: 'postgres:18',
  redis: 'valkey/valkey:8',
  s3: `chrislusf/seaweedfs:${seaweedfsVersion}`,
} as const satisfies Record<ServerName, string>

/** Controls of a server that the stack started itself. */
export interface Controls {
  /** Stops it in order; its data is kept, and `start` restarts it at the same address. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Kills it, as in a crash; `start` restarts it with its written data. */
  crash(): Promise<void>
  /** Freezes it: connections stay open, and nothing is answered. */
  pause(): Promise<void>
  resume(): Promise<void>
}

/** Makes a queue: work that is given to it runs in order, each after the end of the previous one. */
export function workQueue(): (work: () => Promise<void>) => Promise<void> {
  let last = Promise.resolve()
  return (work) => {
    const turn = last.then(work)
    last = turn.catch(() => {}) // the caller gets the error
    return turn
  }
}

/** The same controls, serialised: a start during a stop waits until the server has stopped. */
export function inTurn({ stop, start, crash, pause, resume }: Controls): Controls {
  const queue = workQueue()
  const after = (work: () => Promise<void>) => () => queue(work)
  return { stop: after(stop), start: after(start), crash: after(crash), pause: after(pause), resume: after(resume) }
}

/** A running server. `controls` is null for servers that are given by URL, which belong to others. */
export interface Server<Address> {
  readonly kind: string
  readonly address: Address
  /** Its location and data, for the line at startup. */
  readonly where: string
  readonly controls: Controls | null
}

/** What every server needs to start. */
export interface StackContext {
  readonly file: StackFile
  /** For one test run: data is removed at the end, and not flushed to disk. */
  readonly ephemeral: boolean
  readonly env: NodeJS.ProcessEnv
  /** Folder of downloaded programs, shared by all stacks of this repository. */
  readonly toolsFolder: string
  readonly say: (line: string) => void
  /** The container engine, or why there is none; determined once. */
  readonly engine: () => Promise<ContainerRuntimeClient | string>
}

/** One way to get a server. `open` returns the server, or the reason why this way is unavailable; '' if the settings exclude it. */
export interface Provider<Address> {
  readonly kinds: readonly string[]
  open(context: StackContext): Promise<Server<Address> | string>
}

/**
 * Tries the providers in order until one returns a server, and prints which one it was.
 *
 * A data folder keeps the kind of its first start as long as that provider is available: containers and local processes have different data, and a
 * suddenly empty database looks like a loss.
 *
 * @throws Error that lists why each provider was unavailable
 */
export async function startFirstAvailable<Address>(
  name: ServerName,
  providers: readonly Provider<Address>[],
  context: StackContext,
): Promise<Server<Address>> {
  const reasons: string[] = []
  for (const provider of inOrder(providers, context.file.record.data[name]?.kind)) {
    const server = await provider.open(context)
    if (typeof server !== 'string') {
      const surprises = reasons.filter((reason) => reason !== noEngine)
      context.say(`${titles[name]}: ${server.where}${surprises.length > 0 ? ` (${surprises.join('; ')})` : ''}`)
      return server
    }
    if (server !== '') reasons.push(server)
  }
  throw new Error(`No ${titles[name]} available: ${reasons.join('; ')}`)
}

const titles = { postgres: 'Postgres', redis: 'Redis', s3: 'S3' } as const satisfies Record<ServerName, string>

/** The first provider is a given URL, which always takes precedence. */
function inOrder<Address>(providers: readonly Provider<Address>[], earlierKind: string | undefined): readonly Provider<Address>[] {
  const [given, ...ours] = providers
  const earlier = ours.filter(({ kinds }) => earlierKind !== undefined && kinds.includes(earlierKind))
  return [...(given ? [given] : []), ...earlier, ...ours.filter((provider) => !earlier.includes(provider))]
}

/** `AIRLOCK_SERVERS=local` leaves containers out, `AIRLOCK_SERVERS=containers` local processes; unset, both may serve. */
export function mayUse(provider: 'containers' | 'local', env: NodeJS.ProcessEnv): boolean {
  const only = env.AIRLOCK_SERVERS
  if (only && only !== 'containers' && only !== 'local') {
    throw new Error(`AIRLOCK_SERVERS is '${only}': 'containers' or 'local', or leave it out`)
  }
  return !only || only === provider
}

export interface UrlAddress {
  readonly url: string
}

/** A given server with nothing but a URL. */
export const givenUrl = (name: ServerName, variable: string, port: number, answers: (url: string) => Promise<unknown>) =>
  givenProvider<UrlAddress>(name, variable, { port, addressOf: (url) => ({ url }), answers: ({ url }) => answers(url) })

/** How a given server is used. */
interface GivenServer<Address> {
  /** Of a URL without one. */
  readonly port: number
  addressOf(url: string, env: NodeJS.ProcessEnv): Address
  answers(address: Address): Promise<unknown>
}

/** A server whose URL a variable names. It belongs to somebody else. */
export const givenProvider = <Address>(
  name: ServerName,
  variable: string,
  { port: usualPort, addressOf, answers }: GivenServer<Address>,
): Provider<Address> => ({
  kinds: ['given'],
  async open({ env, file }) {
    const url = env[variable]
    if (!url) return ''
    const { hostname, port } = new URL(url)
    const place = `${hostname}:${port || usualPort}`
    const address = addressOf(url, env)
    await answers(address).catch((cause: unknown) => {
      throw new Error(`${variable} names ${place}, where ${titles[name]} does not respond: ${(cause as Error).message}`, { cause })
    })
    file.server(name, { kind: 'given', url })
    return { kind: 'given', address, where: `given by ${variable}, ${place}`, controls: null }
  },
})
