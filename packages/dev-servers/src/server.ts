import type { Engine } from './engine.ts'
import type { ServerName, StackFile } from './stack-file.ts'

/** SeaweedFS as it is tested here: the container's tag and the PyPI wheel's version are one. */
export const seaweedfsVersion = '4.48'

/** The images that the stack starts. docker-compose.yml names the same ones. */
export const images = {
  postgres: 'postgres:18',
  redis: 'valkey/valkey:8',
  s3: `chrislusf/seaweedfs:${seaweedfsVersion}`,
} as const satisfies Record<ServerName, string>

/** What can be done to a server that the stack itself started. */
export interface Controls {
  /** Stops it in good order; what it holds stays, and `start` brings it back under the same address. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Ends it without a word, as a crash does; `start` brings it back with what it had written. */
  crash(): Promise<void>
  /** Freezes it: connections stay open, and nothing is answered. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Ends it for good, quickly where its data goes anyway. */
  end(): Promise<void>
}

/**
 * The same controls, one after the other: a start that is asked for while a stop is under way begins when the server has
 * stopped, instead of finding it still running.
 */
export function inTurn(controls: Controls): Controls {
  let last: Promise<unknown> = Promise.resolve()
  const after = (work: () => Promise<void>) => (): Promise<void> => {
    const turn = last.then(work, work)
    last = turn
    return turn
  }
  return {
    stop: after(controls.stop),
    start: after(controls.start),
    crash: after(controls.crash),
    pause: after(controls.pause),
    resume: after(controls.resume),
    end: after(controls.end),
  }
}

/** A running server. `controls` is null for servers that were given by URL: they belong to somebody else. */
export interface Server<Address> {
  readonly name: ServerName
  readonly kind: string
  readonly address: Address
  /** Where it runs and keeps its data, for the line at start. */
  readonly where: string
  readonly controls: Controls | null
}

/** What every server needs to come up. */
export interface StackContext {
  readonly file: StackFile
  /** For one run of tests: data goes at the end, and nothing is flushed to disk for safety's sake. */
  readonly ephemeral: boolean
  readonly env: NodeJS.ProcessEnv
  /** Where downloaded programs are kept, for all stacks of this clone. */
  readonly toolsFolder: string
  readonly say: (line: string) => void
  /** The container engine, or why there is none; looked for once. */
  readonly engine: () => Promise<Engine | string>
}

/** One way to come by a server. It ends at a server, or says why it is closed here. */
export interface Provider<Address> {
  readonly kinds: readonly string[]
  open(context: StackContext): Promise<Server<Address> | string>
}

/**
 * Walks the roads in their order until one leads to a server, and says in one line which it was.
 *
 * A data folder keeps to the kind of its first start as long as that road is open: the data of a container
 * and that of a local process are different data, and a database that is suddenly empty looks like a loss.
 *
 * @throws Error that lists why each road was closed
 */
export async function startFirstAvailable<Address>(
  name: ServerName,
  providers: readonly Provider<Address>[],
  context: StackContext,
): Promise<Server<Address>> {
  const closed: string[] = []
  for (const provider of inOrder(providers, context.file.record.data[name]?.kind)) {
    const server = await provider.open(context)
    if (typeof server !== 'string') {
      context.say(`${titles[name]}: ${server.where}${closed.length > 0 ? ` (${closed.join('; ')})` : ''}`)
      return server
    }
    if (server !== '') closed.push(server)
  }
  throw new Error(`No ${titles[name]} to be had: ${closed.join('; ')}`)
}

const titles = { postgres: 'Postgres', redis: 'Redis', s3: 'S3' } as const satisfies Record<ServerName, string>

/** The first road is the one of a given URL, which always goes first. */
function inOrder<Address>(providers: readonly Provider<Address>[], earlierKind: string | undefined): readonly Provider<Address>[] {
  const [given, ...ours] = providers
  const earlier = ours.filter(({ kinds }) => earlierKind !== undefined && kinds.includes(earlierKind))
  return [...(given ? [given] : []), ...earlier, ...ours.filter((provider) => !earlier.includes(provider))]
}

/** `AIRLOCK_SERVERS=local` leaves containers out, `AIRLOCK_SERVERS=containers` local processes; unset, both may serve. */
export function mayUse(provider: 'containers' | 'local', env: NodeJS.ProcessEnv): boolean {
  const wish = env.AIRLOCK_SERVERS
  if (wish !== undefined && wish !== '' && wish !== 'containers' && wish !== 'local') {
    throw new Error(`AIRLOCK_SERVERS is '${wish}': 'containers' or 'local', or leave it out`)
  }
  return !wish || wish === provider
}

/** A server whose URL a variable names. It belongs to somebody else. @param port of a URL without one */
export const givenProvider = (
  name: ServerName,
  variable: string,
  { port: usualPort, answers }: { port: number; answers: (url: string) => Promise<void> },
): Provider<{ readonly url: string }> => ({
  kinds: ['given'],
  async open({ env, file }) {
    const url = env[variable]
    if (!url) return ''
    const { hostname, port } = new URL(url)
    const place = `${hostname}:${port || usualPort}`
    await answers(url).catch((cause: unknown) => {
      throw new Error(`${variable} names ${place}, where no ${titles[name]} lets us in: ${(cause as Error).message}`, { cause })
    })
    file.server(name, { kind: 'given', url })
    return { name, kind: 'given', address: { url }, where: `given by ${variable}, ${place}`, controls: null }
  },
})
