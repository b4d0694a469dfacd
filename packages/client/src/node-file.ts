import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Source } from './platform.ts'

/** Reads a file in ranges, so that its size does not matter. */
export async function openPath(path: string): Promise<Source> {
  const file = await open(path)
  const { size, mtimeMs } = await file.stat()
  return {
    name: basename(path),
    size,
    type: '',
    lastModified: mtimeMs,
    close: () => file.close(),
    slice: async (from, to) => {
      const bytes = new Uint8Array(to - from)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, from)
      if (bytesRead < bytes.length) throw new Error('the file has become shorter')
      return new Blob([bytes])
    },
  }
}
