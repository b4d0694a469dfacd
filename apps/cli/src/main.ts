#!/usr/bin/env node
import { exitCodes, run } from './program.ts'
import { Terminal } from './terminal.ts'

const { stdin, stdout, stderr, env } = process
const terminal = new Terminal({ stdin, stdout, stderr, env })

// 'airlock … | head' closes standard output when it has read enough
for (const stream of [stdout, stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.failed)
    throw error
  })
}

/** The first signal stops the command in order, the second one at once. */
let signalled: 130 | 143 | null = null
const stop = new Promise<void>((resolve) => {
  const onSignal = (code: 130 | 143) => () => {
    if (signalled !== null) process.exit(code)
    signalled = code
    resolve()
  }
  process.on('SIGINT', onSignal(130)).on('SIGTERM', onSignal(143))
})

const ended = run(process.argv.slice(2), { terminal, stop })
const code = await Promise.race([ended, stop.then(() => patience(ended))])
terminal.endDrawing()
// uploads whose inspection was not awaited, and requests of an interrupted run, would keep the process alive
stdout.write('', () => process.exit(signalled ?? code))

/** A command that does not end on a signal by itself, such as one that waits for a response, is ended. */
async function patience(command: Promise<number>): Promise<number> {
  const after = new Promise<number>((resolve) => setTimeout(resolve, 1000, exitCodes.stopped))
  return Promise.race([command, after])
}
