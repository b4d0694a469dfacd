/** `npm start`, from where packages are installed and Node is the clone's own. Flags were read by bin/start.mjs. */
import { fileURLToPath } from 'node:url'
import { Interrupted, start } from './start.ts'

const flags = new Set(process.argv.slice(2))
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const stopping = new AbortController()

/** npm passes a Ctrl-C on although the terminal gave it to all of us: what comes within this time is the same one. */
const sameSignalMs = 1_000
let stoppedAt: number | undefined

/** The first call stops everything in order. A second one is meant: we leave, and the stack's reaper ends what is left. */
function stop(): void {
  if (stoppedAt === undefined) {
    stoppedAt = Date.now()
    say('Stopping (Ctrl-C again: at once) …')
    stopping.abort(new Interrupted())
  } else if (Date.now() - stoppedAt > sameSignalMs) {
    process.exit(1)
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
// A closed pipe is what is left of bin/start.mjs when it was killed.
process.stdin.on('end', stop).resume()
process.stdout.on('error', stop)

process.exitCode = await start({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  env: process.env,
  check: flags.has('--check'),
  samples: !flags.has('--no-samples'),
  reset: flags.has('--reset'),
  interrupted: stopping.signal,
  say,
})
process.stdin.destroy()
