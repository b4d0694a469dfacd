/** `npm run chaos`, from where packages are installed and Node is the clone's own. Flags were read by bin/chaos.mjs. */
import { fileURLToPath } from 'node:url'
import { runChaos } from './run.ts'

const [seed, seconds] = process.argv.slice(2).map(Number)
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const stopping = new AbortController()
const stop = () => stopping.abort(new Error('interrupted'))

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
// A closed pipe is what is left of bin/chaos.mjs when it was killed.
process.stdin.on('end', stop).resume()
process.stdout.on('error', stop)

try {
  process.exitCode = await runChaos({
    root: fileURLToPath(new URL('../..', import.meta.url)),
    env: process.env,
    seed: seed ?? 1,
    seconds: seconds ?? 30,
    say,
    interrupted: stopping.signal,
  })
} catch (error) {
  say(`chaos can't go on: ${error instanceof Error ? error.stack : String(error)}`)
  process.exitCode = 1
}
process.exit() // nothing of a run is left that would be worth waiting for
