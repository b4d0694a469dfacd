import { copyFileSync, existsSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

const limits = { maxBytes: 32 * 1024 * 1024, everyMs: 5_000 } as const

/**
 * Bounds the logs in a folder, now and every few seconds. One that is too large is copied to `NAME.log.old` and emptied, because a process keeps its log
 * open. All processes append to their logs, so the next line is at the start of the emptied file.
 *
 * @returns a function that ends it
 */
export function boundLogs(folder: string, { maxBytes, everyMs }: { maxBytes: number; everyMs: number } = limits): () => void {
  const bound = () => {
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      const file = join(folder, name)
      if (name.endsWith('.log') && statSync(file).size > maxBytes) empty(file)
    }
  }
  bound()
  const timer = setInterval(bound, everyMs)
  return () => clearInterval(timer)
}

function empty(file: string): void {
  try {
    copyFileSync(file, `${file}.old`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    rmSync(`${file}.old`, { force: true })
  }
  truncateSync(file)
}
