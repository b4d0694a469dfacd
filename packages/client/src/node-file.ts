import { createHash } from 'node:crypto'
import { open, readFile, rename, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Memory, OpenUpload, Source } from './platform.ts'

const readBytes = 2 ** 20

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
      for (let filled = 0; filled < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, from + filled)
        if (bytesRead === 0) throw new Error('the file has become shorter')
        filled += bytesRead
      }
      return new Blob([bytes])
    },
  }
}

export async function hash(source: Source, signal: AbortSignal): Promise<string> {
  const sha256 = createHash('sha256')
  for (let from = 0; from < source.size; from += readBytes) {
    signal.throwIfAborted()
    const range = await source.slice(from, Math.min(source.size, from + readBytes))
    sha256.update(new Uint8Array(await range.arrayBuffer()))
  }
  return sha256.digest('hex')
}

/** Keeps open uploads in a file that only its owner can read. It is replaced as a whole, so that a process that dies leaves no half of it. */
export function memoryIn(path: string): Memory {
  const read = async (): Promise<Record<string, OpenUpload>> => JSON.parse(await readFile(path, 'utf8').catch(() => '{}'))
  let last: Promise<unknown> = Promise.resolve()
  return {
    get: async (key) => (await read())[key] ?? null,
    set: async (key, upload) => {
      const write = async () => {
        const { [key]: _, ...others } = await read().catch(() => ({}) as Record<string, OpenUpload>)
        await writeFile(`${path}.new`, JSON.stringify(upload === null ? others : { ...others, [key]: upload }), { mode: 0o600 })
        await rename(`${path}.new`, path)
      }
      last = last.then(write, write)
      await last
    },
  }
}
