import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readStackRecord, resetStack } from '@airlock/dev-servers'
import { environment, npmStart, type Run, root, startMs } from './npm-start.ts'

export const execute = promisify(execFile)

/** The text of a page or another file of the repository. */
export const page = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The code blocks of a page with these words after the fence. */
export const walkOf = (path: string, words: string): string =>
  [...page(path).matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, fence, commands]) => (fence === words ? commands : '')).join('')

/** The output of both example pipelines for a video that becomes an asset. */
export const handedOver =
  /^uploaded s3:\S+\nenqueued \S+\ncompleted s3:\/\/\S+\/generated-videos\/\S+\ndownloaded [1-9]\d* bytes, the same\n/

/** A stack of `npm start` in a separate folder, and a shell that runs the commands of our pages with it. */
export class Walk {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'airlock walks '))
  #run: Run
  #url = ''

  constructor(flags: readonly string[] = [], settings: NodeJS.ProcessEnv = {}) {
    this.#run = npmStart(this.dataDir, flags, settings)
  }

  get run(): Run {
    return this.#run
  }

  async ready(): Promise<void> {
    const [, url = ''] = await this.#run.outputMatches(/^Airlock is up: (http:\S+)$/m)
    this.#url = url
  }

  /** The address of the store, which presigned URLs name. */
  get endpoint(): string | undefined {
    return readStackRecord(this.dataDir)?.environment.S3_ENDPOINT
  }

  startsAgain(flags: readonly string[]): void {
    this.#run = npmStart(this.dataDir, flags)
  }

  /** Runs lines in the folder of the repository, as a shell does. @throws for the first command that fails */
  inShell(commands: string) {
    const lines = commands.replaceAll('http://127.0.0.1:3000', this.#url)
    return execute('sh', ['-euc', lines], { cwd: root, env: environment(this.dataDir), timeout: 4 * startMs })
  }

  async ends(): Promise<void> {
    this.#run.signal('SIGTERM')
    await this.#run.ended
    await resetStack(this.dataDir)
    rmSync(this.dataDir, { recursive: true })
  }
}
