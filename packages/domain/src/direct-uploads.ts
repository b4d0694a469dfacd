import { AirlockError } from './airlock-error.ts'
import { GiB, MiB } from './bytes.ts'

/** The limits of S3's multipart uploads. Only the last part may be smaller than the minimum. */
export const multipartLimits = { minPartBytes: 5 * MiB, maxPartBytes: 5 * GiB, maxParts: 10_000 } as const

/** The sizes of the parts of a file: all have `partBytes`, except that the last one has the rest. */
export interface PartSizes {
  readonly sizeBytes: number
  readonly partBytes: number
}

/**
 * The size of the parts of a file whose size is known: the preferred one, or the smallest number of whole MiB with which no more than 10,000 parts
 * are needed.
 *
 * @param preferredBytes taken as 5 MiB if it is less, and as 5 GiB if it is more
 * @throws RangeError when the file is empty or larger than 10,000 parts of 5 GiB
 */
export function partBytesFor(sizeBytes: number, preferredBytes: number): number {
  const { minPartBytes, maxPartBytes, maxParts } = multipartLimits
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1 || sizeBytes > maxParts * maxPartBytes)
    throw new RangeError(`a file of ${sizeBytes} bytes can't be sent in parts`)
  const smallestPossible = Math.ceil(sizeBytes / maxParts / MiB) * MiB
  return Math.min(maxPartBytes, Math.max(minPartBytes, preferredBytes, smallestPossible))
}

/** The number of parts of a file. */
export const partCountOf = ({ sizeBytes, partBytes }: PartSizes): number => Math.ceil(sizeBytes / partBytes)

/** The exact size of a part. @param number from 1 to the number of parts */
export function bytesOfPart(number: number, { sizeBytes, partBytes }: PartSizes): number {
  return Math.min(partBytes, sizeBytes - (number - 1) * partBytes)
}

/** @throws AirlockError `part_number_invalid` when a number is not one of the file's parts */
export function mustBeParts(numbers: readonly number[], filename: string, sizes: PartSizes): void {
  const count = partCountOf(sizes)
  const isPart = (number: number) => Number.isInteger(number) && number >= 1 && number <= count
  if (!numbers.every(isPart)) throw new AirlockError('part_number_invalid', { filename, count })
}

/** A part that the store has. */
export interface StoredPart {
  readonly number: number
  readonly sizeBytes: number
}

/** The numbers of the parts that the store does not have with exactly their size, in ascending order. */
export function missingParts(stored: readonly StoredPart[], sizes: PartSizes): number[] {
  const sizeOf = new Map(stored.map(({ number, sizeBytes }) => [number, sizeBytes]))
  const numbers = Array.from({ length: partCountOf(sizes) }, (_, i) => i + 1)
  return numbers.filter((number) => sizeOf.get(number) !== bytesOfPart(number, sizes))
}
