/** `npm start`, after packages were installed, with the Node of the repository. bin/start.mjs has parsed the flags. */
import { fileURLToPath } from 'node:url'
import { screenOn } from './screen.ts'
import { Interrupted, start } from './start.ts'

const flags = new Set(process.argv.slice(2))
const screen = screenOn(process.stdout)
const stopping = new AbortController()

/** npm forwards a Ctrl-C that the terminal already sent to all processes: signals within this time are the same one. */
const sameSignalMs = 1_000
let stoppedAt: number | undefined

/** The first call stops everything in order. A second one exits at once, and the stack's reaper ends the rest. */
function stop(signal?: NodeJS.Signals): void {
  if (stoppedAt === undefined) {
    stoppedAt = Date.now()
    if (signal === 'SIGINT' && process.stdout.isTTY) screen.raw('') // ends the line with ^C
    screen.raw('Stopping (Ctrl-C again: at once) …')
    stopping.abort(new Interrupted())
  } else if (Date.now() - stoppedAt > sameSignalMs) {
    process.exit(1)
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
// a closed pipe means that bin/start.mjs was killed
process.stdin.on('end', () => stop()).resume()
process.stdout.on('error', () => stop())

process.exitCode = await start({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  env: process.env,
  check: flags.has('--check'),
  dashboards: flags.has('--dashboards'),
  samples: !flags.has('--no-samples'),
  reset: flags.has('--reset'),
  logs: flags.has('--logs'),
  interrupted: stopping.signal,
  screen,
})
process.stdin.destroy()
