import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const exec = promisify(execFile)

/** The current plugin, and the older program of Debian 12. */
const programs: readonly (readonly [string, ...string[]])[] = [['docker', 'compose'], ['docker-compose']]

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

export interface Call {
  readonly timeoutMs?: number
  /** Ends the call. */
  readonly stop?: AbortSignal
}

/** @returns the compose program that works here, or null */
export async function findCompose(env: NodeJS.ProcessEnv): Promise<{ program: readonly [string, ...string[]]; version: string } | null> {
  for (const program of programs) {
    try {
      const [command, ...args] = program
      const { stdout } = await exec(command, [...args, 'version', '--short'], { env, timeout: 10_000 })
      return { program, version: stdout.trim() }
    } catch {
      // not this one
    }
  }
  return null
}

/** The containers of docker-compose.yml under a separate project name. */
export class ComposeProject {
  readonly #program: readonly [string, ...string[]]
  readonly #options: ComposeOptions

  constructor(program: readonly [string, ...string[]], options: ComposeOptions) {
    this.#program = program
    this.#options = options
  }

  /** Runs a compose command. @returns its standard output. @throws Error with its last output */
  compose(args: readonly string[], call: Call = {}): Promise<string> {
    const [command, ...first] = this.#program
    const { name, envFile } = this.#options
    return this.#run(command, [...first, '--project-name', name, '--env-file', envFile, ...args], call)
  }

  /** Runs a program inside a running container. @returns its standard output */
  inside(container: Container, command: readonly string[]): Promise<string> {
    return this.docker(['exec', container.Id, ...command])
  }

  docker(args: readonly string[], call: Call = {}): Promise<string> {
    return this.#run('docker', args, call)
  }

  /** The containers of one or all services, including ended ones. */
  async containers(service?: string): Promise<Container[]> {
    const filters = [...this.#label('project', this.#options.name), ...(service === undefined ? [] : this.#label('service', service))]
    const ids = await this.docker(['ps', '--all', '--quiet', '--no-trunc', ...filters])
    if (ids.trim() === '') return []
    return JSON.parse(await this.docker(['inspect', ...ids.trim().split('\n')])) as Container[]
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
    const { stdout, stderr } = await exec('docker', ['logs', Id], { env: this.#options.env, maxBuffer: maxOutputBytes, timeout: 30_000 })
    return stdout + stderr
  }

  /** @returns containers, volumes and networks that are left of the project */
  async leftovers(): Promise<string[]> {
    const label = this.#label('project', this.#options.name)
    const kinds: readonly (readonly string[])[] = [
      ['ps', '--all'],
      ['volume', 'ls'],
      ['network', 'ls'],
    ]
    const lists = kinds.map((kind) => this.docker([...kind, '--quiet', ...label]))
    return (await Promise.all(lists)).flatMap((list) => list.split('\n').filter((line) => line !== ''))
  }

  #label(name: string, value: string): string[] {
    return ['--filter', `label=com.docker.compose.${name}=${value}`]
  }

  async #run(command: string, args: readonly string[], { timeoutMs = 60_000, stop }: Call): Promise<string> {
    const { root, env } = this.#options
    try {
      const options = { cwd: root, env, timeout: timeoutMs, maxBuffer: maxOutputBytes, ...(stop && { signal: stop }) }
      return (await exec(command, [...args], options)).stdout
    } catch (error) {
      const { stdout = '', stderr = '', killed } = error as { stdout?: string; stderr?: string; killed?: boolean }
      const how = stop?.aborted ? 'was interrupted' : killed ? `took longer than ${timeoutMs / 1000} s` : 'failed'
      throw new Error([`${[command, ...args].join(' ')} ${how}`, ...lastLines(`${stdout}\n${stderr}`)].join('\n'))
    }
  }
}

const maxOutputBytes = 64 * 1024 * 1024

const lastLines = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-15)
