/** `npm start`, after packages were installed, with the Node of the repository. bin/start.mjs has parsed the flags. */
import { fileURLToPath } from 'node:url'
import { Interrupted, start } from './start.ts'

const flags = new Set(process.argv.slice(2))
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const stopping = new AbortController()

/** npm forwards a Ctrl-C that the terminal already sent to all processes: signals within this time are the same one. */
const sameSignalMs = 1_000
let stoppedAt: number | undefined

/** The first call stops everything in order. A second one exits at once, and the stack's reaper ends the rest. */
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
// a closed pipe means that bin/start.mjs was killed
process.stdin.on('end', stop).resume()
process.stdout.on('error', stop)

process.exitCode = await start({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  env: process.env,
  check: flags.has('--check'),
  dashboards: flags.has('--dashboards'),
  samples: !flags.has('--no-samples'),
  reset: flags.has('--reset'),
  interrupted: stopping.signal,
  say,
})
process.stdin.destroy()
