import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { kill, workQueue } from '@airlock/dev-servers'
import { mustHoldNoSecret } from '@airlock/testkit/logged-secrets'
import { type Program, type Service, type ServicesContext, startService } from '../../tools/start/service.ts'

/** Time for a stop in order, in ms. */
const graceMs = 20_000

/** A gateway or a worker that is killed, frozen and restarted, with a separate log per start. */
export class ManagedProcess {
  readonly #program: Program
  readonly #context: ServicesContext
  readonly #logFolder: string
  readonly #logFiles: string[] = []
  #service: Service | null = null
  readonly #inTurn = workQueue()

  constructor(program: Program, context: ServicesContext, logFolder: string) {
    this.#program = program
    this.#context = context
    this.#logFolder = logFolder
  }

  /** Starts it unless it runs. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#service !== null) return
      const logFile = join(this.#logFolder, `${this.#program.name}.${this.#logFiles.length + 1}.log`)
      const service = await startService({ ...this.#program, logFile }, this.#context)
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
    if (this.#service !== null) kill(this.#service.pid, signal)
  }

  /** What it has written since its first start. */
  log(): string {
    return this.#logFiles.map((file) => readFileSync(file, 'utf8')).join('')
  }

  /** @throws Error if its log contains a secret of its settings */
  mustHaveKeptSecrets(): void {
    mustHoldNoSecret(this.#program.name, this.#context.env, this.log())
  }
}
