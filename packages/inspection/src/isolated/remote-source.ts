import { type ByteSource, MiB } from '@airlock/domain'

/** Maximum bytes per message, so that a large read is not in memory three times. */
const maxMessageBytes = 4 * MiB

/** Requests bytes from the parent. Rejects if the parent's source failed. */
export type RequestBytes = (offset: number, length: number) => Promise<Uint8Array>

/** The parent's source as a source in the inspector process. Reads are sequential. */
export function remoteSource(size: number, requestBytes: RequestBytes): ByteSource {
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const end = Math.min(size, offset + length)
    if (end - offset <= maxMessageBytes) return requestBytes(offset, end - offset)
    const bytes = Buffer.allocUnsafeSlow(end - offset)
    for (let at = offset; at < end; at += maxMessageBytes)
      bytes.set(await requestBytes(at, Math.min(maxMessageBytes, end - at)), at - offset)
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
