import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const maxBuffer = 64 * 1024 * 1024

/** The current plugin, and the older program of Debian 12. */
const programs: readonly (readonly string[])[] = [['docker', 'compose'], ['docker-compose']]

export interface ComposeOptions {
  /** The folder of docker-compose.yml. */
  readonly root: string
  /** Distinguishes the containers, volumes and network of this project from others. */
  readonly name: string
  /** The environment of the project and of the engine's client. */
  readonly env: NodeJS.ProcessEnv
  /** Settings that are not in `env`; an empty file prevents that the `.env` of the repository is read. */
  readonly envFile: string
}

/** The used part of the engine's description of a container. */
export interface Container {
  readonly Id: string
  readonly Name: string
  readonly State: { readonly Status: string; readonly ExitCode: number; readonly Health?: { readonly Status: string } }
}

/** @returns the compose program that works here, or null */
export async function findCompose(): Promise<readonly string[] | null> {
  for (const program of programs) {
    const [command = '', ...args] = program
    const works = await exec(command, [...args, 'version', '--short'], { timeout: 10_000 }).catch(() => false)
    if (works) return program
  }
  return null
}

/** The containers of docker-compose.yml under a separate project name. */
export class ComposeProject {
  readonly #command: readonly string[]
  readonly #options: ComposeOptions

  constructor(program: readonly string[], options: ComposeOptions) {
    this.#command = [...program, '--project-name', options.name, '--env-file', options.envFile]
    this.#options = options
  }

  /** Runs a compose command. @returns its standard output. @throws Error with its errors */
  compose(args: readonly string[], timeoutMs = 120_000): Promise<string> {
    return this.#run([...this.#command, ...args], timeoutMs)
  }

  /** The same of the engine's client. */
  docker(args: readonly string[]): Promise<string> {
    return this.#run(['docker', ...args], 60_000)
  }

  /** The containers of one or all services, including ended ones. */
  async containers(service?: string): Promise<Container[]> {
    const filters = [...this.#label('project', this.#options.name), ...(service === undefined ? [] : this.#label('service', service))]
    const ids = linesOf(await this.docker(['ps', '--all', '--quiet', '--no-trunc', ...filters]))
    return ids.length === 0 ? [] : (JSON.parse(await this.docker(['inspect', ...ids])) as Container[])
  }

  /** The one container of a service. */
  async container(service: string): Promise<Container> {
    const [container, ...more] = await this.containers(service)
    if (container === undefined || more.length > 0)
      throw new Error(`there are ${more.length + (container ? 1 : 0)} containers of ${service}`)
    return container
  }

  /** Both output streams of a container. */
  async logs({ Id }: Container): Promise<string> {
    const { stdout, stderr } = await exec('docker', ['logs', Id], { env: this.#options.env, maxBuffer, timeout: 30_000 })
    return stdout + stderr
  }

  /** @returns containers, volumes and networks that are left of the project */
  async leftovers(): Promise<string[]> {
    const kinds = ['container', 'volume', 'network'] as const
    const lists = kinds.map((kind) =>
      this.docker([kind, 'ls', ...(kind === 'container' ? ['--all'] : []), '--quiet', ...this.#label('project', this.#options.name)]),
    )
    return (await Promise.all(lists)).flatMap(linesOf)
  }

  #label(name: string, value: string): string[] {
    return ['--filter', `label=com.docker.compose.${name}=${value}`]
  }

  async #run([command = '', ...args]: readonly string[], timeout: number): Promise<string> {
    const { root, env } = this.#options
    return (await exec(command, args, { cwd: root, env, timeout, maxBuffer })).stdout
  }
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '')
