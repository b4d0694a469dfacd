import { Corrupt } from '../bad-bytes.ts'

/** What decoders say, and what the client is told instead. First match first; `null` is no fault of the file's. */
const reasons: readonly (readonly [said: RegExp, reason: string | null])[] = [
  [/out of memory|insufficient memory|unable to allocate|temporary file|no space left|timeout/i, null],
  [/pixel limit|bad extract area/i, 'its header can be read in two ways'],
  [/premature end|not enough data|unable to parse image/i, 'it ends before the picture does'],
  [/corrupt header|unsupported image format/i, 'its header is damaged'],
  [/^/, 'its pixels are damaged'],
]

/**
 * Passes on what a decoder threw: as `Corrupt` when the picture is to blame, else as it is.
 *
 * @throws always
 */
export function explain(error: Error): never {
  const reason = reasons.find(([said]) => said.test(error.message))?.[1]
  throw reason ? new Corrupt(reason, { cause: error }) : error
}
