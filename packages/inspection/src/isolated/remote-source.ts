import { type ByteSource, MiB } from '@airlock/domain'

/** One message carries this much at most, so that a large read is never in memory three times over. */
const maxMessageBytes = 4 * MiB

/** Asks the parent for bytes; resolves with all of them, or rejects when the parent's source failed. */
export type Ask = (offset: number, length: number) => Promise<Uint8Array>

/** The parent's source, seen from an inspector process. Reads go one after the other. */
export function remoteSource(size: number, ask: Ask): ByteSource {
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const end = Math.min(size, offset + length)
    if (end - offset <= maxMessageBytes) return ask(offset, end - offset)
    const bytes = Buffer.allocUnsafeSlow(end - offset)
    for (let at = offset; at < end; at += maxMessageBytes) bytes.set(await ask(at, Math.min(maxMessageBytes, end - at)), at - offset)
    return bytes
  }
  return {
    size,
    read,
    stream: async function* () {
      for (let at = 0; at < size; at += maxMessageBytes) yield await read(at, maxMessageBytes)
    },
  }
}
