/** `npm run chaos`, after packages were installed, with the Node of the repository. bin/chaos.mjs has parsed the flags. */
import { runChaos } from './run.ts'

const [seed, seconds] = process.argv.slice(2).map(Number)
const log = (line: string): void => void process.stdout.write(`${line}\n`)
const stopping = new AbortController()
const stop = () => stopping.abort(new Error('interrupted'))

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
// a closed pipe means that bin/chaos.mjs was killed
process.stdin.on('end', stop).resume()
process.stdout.on('error', stop)

try {
  process.exitCode = await runChaos({
    seed: seed ?? 1,
    seconds: seconds ?? 30,
    log,
    interrupted: stopping.signal,
  })
} catch (error) {
  log(`chaos failed: ${error instanceof Error ? error.stack : String(error)}`)
  process.exitCode = 1
}
process.exit() // nothing is left to wait for
