import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import type { ContainerRuntimeClient, WaitStrategy } from 'testcontainers'
import { fetchImage, removeContainer, removeVolume, unless } from './engine.ts'
import { freePort, storePort } from './free-ports.ts'
import { type Controls, images, inTurn, mayUse, type Provider, type StackContext } from './server.ts'
import type { ServerName } from './stack-file.ts'
import { waitFor } from './wait-for.ts'

/** A server that runs from an image. */
export interface ContainerServer<Address> {
  readonly url: string
  readonly address: Address
  /** Its port inside the container. */
  readonly port: number
  readonly command: readonly string[]
  readonly environment: Record<string, string>
  /** The path inside the container whose contents must outlive it. */
  readonly data: string
  answers(): Promise<unknown>
}

/** A server with its image and its port on this machine. */
interface Launch extends ContainerServer<unknown> {
  readonly name: ServerName
  readonly kind: string
  readonly image: string
  /** The published port, on 127.0.0.1. */
  readonly here: number
}

type Container = ReturnType<ContainerRuntimeClient['container']['getById']>

const readyWithinMs = 60_000

/**
 * The container provider, the same for every server. It is unavailable without an engine, without the image, and if the container does not start,
 * for example because the engine runs in a sandbox.
 *
 * @param describe the server, given the port on 127.0.0.1 by which it will be reached
 */
export const containerProvider = <Address>(
  name: ServerName,
  kind: string,
  describe: (here: number, context: StackContext) => ContainerServer<Address>,
): Provider<Address> => ({
  kinds: [kind],
  async open(context) {
    if (!mayUse('containers', context.env)) return ''
    const engine = await context.engine()
    if (typeof engine === 'string') return engine
    const image = images[name]
    try {
      await fetchImage(engine, image, context.say)
      const here = await (name === 's3' ? storePort(context) : freePort())
      const server = { ...describe(here, context), kind, name, image, here }
      const controls = await start(server, engine, context)
      return { kind, address: server.address, where: `container ${image} at 127.0.0.1:${here}`, controls }
    } catch (error) {
      const { containerId } = context.file.record.servers[name] ?? {}
      if (containerId) await removeContainer(containerId)
      return `no container of ${image}: ${(error as Error).message}`
    }
  },
})

/**
 * Records a container, starts it, and waits until it is ready.
 *
 * The reaper of Testcontainers is disabled: ours removes the container if this process dies, after stopping it in order, and needs no further image.
 */
async function start(server: Launch, engine: ContainerRuntimeClient, context: StackContext): Promise<Controls> {
  const volume = context.ephemeral ? undefined : await volumeFor(server.name, context)
  const container = await createAndStart(server, engine, context, volume)
  await untilItServes(server)
  return inTurn({
    stop: async () => void (await container.stop({ t: 10 }).catch(unless(304))),
    start: async () => {
      await container.start().catch(unless(304))
      await untilItServes(server)
    },
    crash: async () => void (await container.kill().catch(unless(409))),
    pause: async () => void (await container.pause()),
    resume: async () => void (await container.unpause()),
  })
}

async function createAndStart(server: Launch, engine: ContainerRuntimeClient, { file }: StackContext, volume?: string): Promise<Container> {
  const { GenericContainer } = await import('testcontainers')
  const logFile = file.logFile(server.name)

  class OurContainer extends GenericContainer {
    /** Testcontainers would publish the port on all addresses of the machine. */
    protected override async beforeContainerCreated(): Promise<void> {
      this.hostConfig.PortBindings = { [`${server.port}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(server.here) }] }
    }
    protected override async containerCreated(containerId: string): Promise<void> {
      file.server(server.name, { kind: server.kind, url: server.url, containerId, logFile }, volume ? { volume } : {})
    }
  }

  const container = new OurContainer(server.image)
    .withExposedPorts({ container: server.port, host: server.here })
    .withEnvironment(server.environment)
    .withCommand([...server.command])
    .withAutoCleanup(false)
    .withWaitStrategy(startedIsEnough)
    .withLogConsumer((log: Readable) => log.on('error', () => {}).pipe(createWriteStream(logFile, { flags: 'a' })))
  if (volume) container.withBindMounts([{ source: volume, target: server.data }])
  const started = await container.start()
  return engine.container.getById(started.getId())
}

/** Readiness is checked from outside, as for all servers. */
const startedIsEnough: WaitStrategy = {
  waitUntilReady: async () => {},
  withStartupTimeout: () => startedIsEnough,
  isStartupTimeoutSet: () => false,
  getStartupTimeout: () => readyWithinMs,
}

const untilItServes = (server: Launch) =>
  waitFor(() => server.answers().then(() => true), { what: `${server.image} at ${server.url} to serve`, timeoutMs: readyWithinMs })

/** A volume of this data folder. An old volume of a deleted folder with the same path is removed first. */
async function volumeFor(name: ServerName, { file }: StackContext): Promise<string> {
  const volume = `airlock-${createHash('sha256').update(file.folder).digest('hex').slice(0, 12)}-${name}`
  if (file.record.data[name]?.volume !== volume) await removeVolume(volume)
  return volume
}
