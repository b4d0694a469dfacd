import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { compileCache, mustHoldNoSecret, waitFor } from '@airlock/testkit'

const program = fileURLToPath(new URL('../../gateway/src/main.ts', import.meta.url))

export interface GatewayProcess {
  readonly url: string
  readonly port: number
  kill(): Promise<void>
}

/** Starts a gateway as in production, in a separate process, and waits until it listens. */
export async function startGatewayProcess(env: Record<string, string>): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [program], {
    env: { ...compileCache(), AIRLOCK_ENV_FILE: '', HOST: '127.0.0.1', PORT: '0', SHUTDOWN_NOT_READY_SECONDS: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const gone = new Promise((resolve) => child.once('exit', resolve))
  const kill = async () => {
    child.kill('SIGKILL')
    await gone
    mustHoldNoSecret('the gateway', env, output)
  }
  const listening = () => /listening at (http:\/\/127\.0\.0\.1:(\d+))/.exec(output)
  try {
    await waitFor(() => listening() !== null || child.exitCode !== null, { what: 'the gateway to listen', timeoutMs: 60_000 })
    const [, url = '', port] = listening() ?? []
    if (port === undefined) throw new Error(`the gateway ended: ${output}`)
    return { url, port: Number(port), kill }
  } catch (error) {
    await kill()
    throw error
  }
}
