import { parseArgs } from 'node:util'
import { sleep } from '@airlock/async'
import type { Command, CommandIo } from '../../command.ts'
import { fit } from '../../table.ts'
import { type Status, statusReader } from './read-status.ts'
import { screenOf, statusForPrograms } from './screen.ts'

const intervalMs = 2000

export const statusCommand: Command = {
  name: 'status',
  summary: 'show dependencies, lanes, parked uploads, lags and the sweeper on one screen',
  usage: `[--watch] [--json]

  --watch            reads again every ${intervalMs / 1000} s until Ctrl-C; a second Ctrl-C ends it at once, if a server delays the first
  --json             prints one JSON object; with --watch one on each line

Lanes: WAITING uploads could be processed now, OLDEST is how long the first of them has waited, DELAYED ones wait for their next attempt.
LAG is the age of the first event that waits: for its position, or for an endpoint. NOT QUEUED events have no delivery yet. DEAD ones have been
given up (ops webhooks). While a server is unavailable the rest is shown, with '?' for what is unknown.
Exit codes: 0 all dependencies are up, 1 one is unavailable or something could not be read, 2 invalid arguments; --watch: for the last screen.`,
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
  let frame: () => string = () => ''
  const redraw = () => io.out(frame())
  if (watch && !json && process.stdout.isTTY) {
    io.out('\u001b[2J')
    process.stdout.on('resize', redraw)
  }
  let code: number
  try {
    do {
      const current = await reader.read()
      const time = new Date().toISOString()
      code = isHealthy(current) ? 0 : 1
      frame = () => framed([time, '', ...screenOf(current).split('\n')], process.stdout)
      io.out(json ? JSON.stringify(statusForPrograms(current), null, watch ? 0 : 2) : watch ? frame() : screenOf(current))
      if (watch) await sleep(intervalMs, signal)
    } while (watch && !signal.aborted)
  } finally {
    process.stdout.off('resize', redraw)
    await reader.close()
  }
  return code
}

const isHealthy = ({ dependencies, problems }: Status): boolean => dependencies.every(({ up }) => up) && problems.length === 0

/** One screen of `--watch`, cut to the terminal and drawn over the last one. In a file or a pipe, an empty line separates them. */
export function framed(lines: readonly string[], { isTTY, columns, rows }: Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'>): string {
  if (!isTTY) return `${lines.join('\n')}\n`
  // the last line stays free for the cursor; some terminals report no size
  const room = Math.max(1, (rows || 40) - 1)
  const visible = lines.length > room ? [...lines.slice(0, room - 1), `${lines.length - room + 1} more lines, enlarge the terminal`] : lines
  return `\u001b[H${visible.map((line) => `${fit(line, columns || 100).trimEnd()}\u001b[K`).join('\n')}\u001b[J`
}
