import { type FileHandle, open } from 'node:fs/promises'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as wait } from 'node:timers/promises'

const lookEveryMs = 50

/**
 * Reads a file line by line while it grows.
 *
 * @param file must exist
 * @param ended settles when nothing more will be written
 * @param take called with each line, without its line end
 * @returns after the last line
 */
export async function followFile(file: string, ended: Promise<unknown>, take: (line: string) => void): Promise<void> {
  const handle = await open(file, 'r')
  const lines = splitLines(take)
  let over = false
  try {
    while (!over) {
      over = await Promise.race([ended.then(() => true), wait(lookEveryMs, false)])
      await readToEnd(handle, lines.add)
    }
    lines.end()
  } finally {
    await handle.close()
  }
}

/** Reads from where the last call stopped. */
async function readToEnd(handle: FileHandle, take: (bytes: Uint8Array) => void): Promise<void> {
  const buffer = new Uint8Array(65_536)
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null)
    if (bytesRead === 0) return
    take(buffer.subarray(0, bytesRead))
  }
}

/** Characters and lines may be split between two reads. */
function splitLines(take: (line: string) => void): { add(bytes: Uint8Array): void; end(): void } {
  const decoder = new StringDecoder('utf8')
  let unfinished = ''
  return {
    add(bytes) {
      const lines = (unfinished + decoder.write(bytes)).split('\n')
      unfinished = lines.pop() ?? ''
      lines.forEach(take)
    },
    end() {
      if (unfinished !== '') take(unfinished)
    },
  }
}
