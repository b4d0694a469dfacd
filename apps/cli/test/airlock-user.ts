import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@airlock/testkit'
import { dot, samples } from '@airlock/testkit/samples'
import { linkedTest } from '../../../packages/client/test/real-gateway.ts'

export const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A run of `airlock` in a process of its own. */
interface AirlockRun {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  stderr(): string
  /** Waits until standard error matches. */
  says(pattern: RegExp): Promise<unknown>
}

/** A user with an empty home folder, who runs `airlock` in a folder of files. */
class AirlockUser {
  readonly folder = mkdtempSync(join(tmpdir(), 'airlock-cli-'))
  readonly env: NodeJS.ProcessEnv

  constructor(url: string, token: string) {
    const own = { HOME: this.folder, AIRLOCK_URL: url, AIRLOCK_TOKEN: token, NODE_NO_WARNINGS: '1' }
    this.env = { PATH: process.env.PATH, ...own }
  }

  start(args: readonly string[], more: NodeJS.ProcessEnv = {}): AirlockRun {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: this.folder,
      env: { ...this.env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)]
    const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, stdout: stdout(), stderr: stderr() })))
    const says = (pattern: RegExp) => waitFor(async () => pattern.test(stderr()), { what: `airlock to say ${pattern}`, timeoutMs: 30_000 })
    return { process: child, ended, stderr, says }
  }

  run(args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.start(args, more).ended
  }

  leaves(): void {
    rmSync(this.folder, { recursive: true })
  }
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return () => text
}

/** The lines of `--json`. */
export const jsonLines = (stdout: string): Record<string, unknown>[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

/** A project for videos. */
export const project = '0198c0de-0000-7000-8000-0000000000aa'

/** A gateway with a user who has some pictures. */
export const test = linkedTest.extend<'user', AirlockUser>('user', async ({ gateway, client }, { onCleanup }) => {
  const user = new AirlockUser(gateway.url, await client.token())
  onCleanup(() => user.leaves())
  for (const [name, { bytes }] of Object.entries({ 'a.png': dot, 'photos/b.png': dot, 'photos/deep/c.jpg': samples.photo })) {
    mkdirSync(join(user.folder, name, '..'), { recursive: true })
    writeFileSync(join(user.folder, name), bytes)
  }
  return user
})
