/** Sizes in bytes, and their form in texts for people. */

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB

/**
 * A size for people, rounded to two decimals: `10 MiB`, `1.5 GiB`, `1 byte`.
 *
 * @param bytes a whole number of bytes
 */
export function readableBytes(bytes: number): string {
  if (bytes >= GiB) return `${rounded(bytes / GiB)} GiB`
  if (bytes >= MiB) return `${rounded(bytes / MiB)} MiB`
  if (bytes >= KiB) return `${rounded(bytes / KiB)} KiB`
  return bytes === 1 ? '1 byte' : `${bytes} bytes`
}

const rounded = (value: number): string => String(Math.round(value * 100) / 100)
