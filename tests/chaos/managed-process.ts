import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StackFile } from '@airlock/dev-servers'
import { mustHoldNoSecret } from '@airlock/testkit/logged-secrets'
import { type Service, startService } from '../../tools/start/service.ts'
import { root } from '../npm-start.ts'

export interface ManagedProcessOptions {
  readonly name: string
  /** The program, relative to the root of the repository. */
  readonly entry: string
  readonly env: NodeJS.ProcessEnv
  readonly logFolder: string
  readonly file: StackFile
}

/** Time for a stop in order, in ms. */
const graceMs = 20_000

/** A gateway or a worker that is killed, frozen and restarted, with a separate log per start. */
export class ManagedProcess {
  readonly #options: ManagedProcessOptions
  readonly #logFiles: string[] = []
  #service: Service | null = null
  #last: Promise<void> = Promise.resolve()

  constructor(options: ManagedProcessOptions) {
    this.#options = options
  }

  /** Starts it unless it runs. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#service !== null) return
      const { name, entry, env, logFolder, file } = this.#options
      const logFile = join(logFolder, `${name}.${this.#logFiles.length + 1}.log`)
      const service = await startService({ name, args: [join(root, entry)], cwd: root, env, logFile, say: () => {}, file })
      this.#logFiles.push(logFile)
      this.#service = service
      void service.ended.then(() => {
        if (this.#service === service) this.#service = null
      })
    })
  }

  kill(): Promise<void> {
    return this.#inTurn(async () => {
      const service = this.#service
      this.signal('SIGKILL')
      await service?.ended
    })
  }

  /** Stops it in order; kills it after the grace period. */
  stop(): Promise<void> {
    return this.#inTurn(async () => this.#service?.stop(graceMs))
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#service === null) return
    try {
      process.kill(this.#service.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // it has just ended
    }
  }

  /** What it has written since its first start. */
  log(): string {
    return this.#logFiles.map((file) => readFileSync(file, 'utf8')).join('')
  }

  /** @throws Error if its log contains a secret of its settings */
  mustHaveKeptSecrets(): void {
    mustHoldNoSecret(this.#options.name, this.#options.env, this.log())
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => {}) // the caller gets the error
    return turn
  }
}
