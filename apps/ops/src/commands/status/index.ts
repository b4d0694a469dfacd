import { parseArgs } from 'node:util'
import { sleep } from '@airlock/async'
import type { Command, CommandIo } from '../../command.ts'
import { type Status, statusReader } from './read-status.ts'
import { screenOf, statusForPrograms } from './screen.ts'

const intervalMs = 2000

export const statusCommand: Command = {
  name: 'status',
  summary: 'show dependencies, lanes, parked uploads, lags and the sweeper on one screen',
  usage: `[--watch] [--json]

  --watch            reads again every ${intervalMs / 1000} s until Ctrl-C
  --json             prints one JSON object; with --watch one on each line

Lanes: WAITING uploads could be processed now, OLDEST is how long the first of them has waited, DELAYED ones wait for their next attempt.
LAG is the age of the first event that waits: for its position, or for an endpoint. NOT QUEUED events have no delivery yet. DEAD ones have been
given up (ops webhooks). While a server is unavailable the rest is shown, with '?' for what is unknown.
Exit codes: 0 all dependencies are up, 1 one is unavailable or something could not be read, 2 invalid arguments.`,
  example: '--watch',
  async run(args, io) {
    const stop = new AbortController()
    const end = () => stop.abort()
    process.once('SIGINT', end).once('SIGTERM', end)
    try {
      return await status(args, io, stop.signal)
    } finally {
      process.off('SIGINT', end).off('SIGTERM', end)
    }
  },
}

/** @param signal ends `--watch` @returns the exit code for the last status */
export async function status(args: string[], io: CommandIo, signal: AbortSignal): Promise<number> {
  const options = { watch: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } } as const
  const { watch, json } = parseArgs({ args, options }).values
  const reader = statusReader(io.env)
  let code: number
  try {
    do {
      const current = await reader.read()
      code = isHealthy(current) ? 0 : 1
      io.out(json ? JSON.stringify(statusForPrograms(current), null, watch ? 0 : 2) : shown(current, watch))
      if (watch) await sleep(intervalMs, signal)
    } while (watch && !signal.aborted)
  } finally {
    await reader.close()
  }
  return code
}

const isHealthy = ({ dependencies, problems }: Status): boolean => dependencies.every(({ up }) => up) && problems.length === 0

/** Clears the terminal before each screen of `--watch`. In a file or a pipe, an empty line separates them. */
function shown(current: Status, watch: boolean): string {
  if (!watch) return screenOf(current)
  const time = new Date().toISOString()
  return process.stdout.isTTY ? `\u001b[2J\u001b[H${time}\n\n${screenOf(current)}` : `${time}\n${screenOf(current)}\n`
}
