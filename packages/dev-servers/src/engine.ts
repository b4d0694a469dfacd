import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ContainerRuntimeClient } from 'testcontainers'
import { waitFor, within } from './wait-for.ts'

/** Time limits for an engine to respond, and to pull an image. */
const limits = { answerMs: 5_000, pullMs: 60_000 } as const

/** Not reported if local processes serve: many machines have none. */
export const noEngine = 'no container engine'

/** @returns the engine of this machine, or why there is none. Without a socket Testcontainers is not loaded. */
export async function findEngine(env: NodeJS.ProcessEnv = process.env): Promise<ContainerRuntimeClient | string> {
  if (!mayHaveEngine(env)) return noEngine
  try {
    const { getContainerRuntimeClient } = await import('testcontainers')
    const client = await within(limits.answerMs, getContainerRuntimeClient(), 'an answer of the container engine')
    const { host } = client.info.containerRuntime
    // ports are published only on 127.0.0.1, which is unreachable on another machine
    if (!['localhost', '127.0.0.1'].includes(host)) return `the container engine is on another machine (${host})`
    return client
  } catch {
    return 'no container engine answers'
  }
}

/**
 * Removes a container with its anonymous volumes, stopping it first unless by force, and waits for its removal, even if a reaper is removing it.
 *
 * @returns false if there was no container or no engine
 */
export async function removeContainer(id: string, { byForce = false } = {}): Promise<boolean> {
  const engine = await findEngine()
  if (typeof engine === 'string') return false
  const container = engine.container.dockerode.getContainer(id)
  const isGone = () => container.inspect().then(() => false, unless(404))
  if (await isGone()) return false
  if (!byForce) await container.stop({ t: 10 }).catch(unless(304, 404, 409))
  await container.remove({ force: true, v: true }).catch(unless(404, 409))
  await waitFor(isGone, { what: `the removal of container ${id}`, timeoutMs: 20_000 })
  return true
}

/** Removes a named volume when no container uses it any more. A missing one is not an error. */
export async function removeVolume(name: string): Promise<void> {
  const engine = await findEngine()
  if (typeof engine === 'string') return
  const volume = engine.container.dockerode.getVolume(name)
  await waitFor(() => volume.remove().then(() => true, unless(404)), { what: `the removal of volume ${name}`, timeoutMs: 20_000 })
}

/** Ignores these HTTP statuses of the engine: they mean that the work is done or in progress. */
export const unless =
  (...statuses: number[]) =>
  (error: unknown): true => {
    if (!statuses.includes((error as { statusCode?: number }).statusCode ?? 0)) throw error
    return true
  }

/** Pulls an image if it is missing. @throws Error if that takes longer than 60 s */
export async function fetchImage(engine: ContainerRuntimeClient, image: string, say: (line: string) => void): Promise<void> {
  const { ImageName } = await import('testcontainers')
  const name = ImageName.fromString(image)
  if (await engine.image.exists(name)) return
  say(`fetching the image ${image} (up to ${limits.pullMs / 1000} s)`)
  await within(limits.pullMs, engine.image.pull(name), `the image ${image}`)
}

/** The sockets that Testcontainers itself would try. */
function mayHaveEngine(env: NodeJS.ProcessEnv): boolean {
  if (env.DOCKER_HOST || env.TESTCONTAINERS_HOST_OVERRIDE) return true
  const sockets = [
    '/var/run/docker.sock',
    join(env.XDG_RUNTIME_DIR ?? `/run/user/${process.getuid?.() ?? 0}`, 'docker.sock'),
    join(homedir(), '.docker/run/docker.sock'),
    join(homedir(), '.docker/desktop/docker.sock'),
    join(homedir(), '.testcontainers.properties'),
  ]
  return sockets.some((path) => existsSync(path))
}
