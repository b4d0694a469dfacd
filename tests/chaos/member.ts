import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StackFile } from '@airlock/dev-servers'
import { mustHoldNoSecret } from '@airlock/testkit/logged-secrets'
import { type Service, startService } from '../../tools/start/service.ts'

export interface MemberOptions {
  readonly name: string
  /** The program, relative to the root of the repository. */
  readonly entry: string
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  readonly logFolder: string
  readonly file: StackFile
}

/** Timeout of a stop, in ms; exceeding it is a finding. */
const endsWithinMs = 20_000

/** A gateway or a worker that is killed, frozen and restarted, with a separate log per start. */
export class Member {
  readonly #options: MemberOptions
  #life = 0
  #service: Service | null = null
  #turn: Promise<void> = Promise.resolve()

  constructor(options: MemberOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.name
  }

  /** Starts it unless it runs. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#service !== null) return
      const { name, entry, root, env, file } = this.#options
      this.#life += 1
      const logFile = this.#logFile(this.#life)
      const service = await startService({ name, args: [join(root, entry)], cwd: root, env, logFile, say: () => {}, file })
      this.#service = service
      void service.ended.then(() => {
        if (this.#service === service) this.#service = null
      })
    })
  }

  kill(): Promise<void> {
    return this.#inTurn(async () => {
      const service = this.#service
      if (service === null) return
      this.signal('SIGKILL')
      await service.ended
    })
  }

  /** Stops it in order. @returns the duration in ms; null if it had to be killed */
  async stop(): Promise<number | null> {
    let took: number | null = 0
    await this.#inTurn(async () => {
      const service = this.#service
      if (service === null) return
      const begun = performance.now()
      await service.stop(endsWithinMs)
      took = performance.now() - begun < endsWithinMs ? Math.round(performance.now() - begun) : null
    })
    return took
  }

  /** What it has written since its first start. */
  log(): string {
    return Array.from({ length: this.#life }, (_, index) => readFileSync(this.#logFile(index + 1), 'utf8')).join('')
  }

  /** @throws Error if its log contains a secret of its settings */
  mustHaveKeptSecrets(): void {
    mustHoldNoSecret(this.name, this.#options.env, this.log())
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#service === null) return
    try {
      process.kill(this.#service.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // it has just ended
    }
  }

  #logFile(life: number): string {
    return join(this.#options.logFolder, `${this.name}.${life}.log`)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work, work)
    this.#turn = turn.catch(() => {}) // the caller gets the error
    return turn
  }
}
