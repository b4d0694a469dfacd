import { type CatalogueEntry, shown } from './upload-errors.ts'

/** The first numbers of a list that may have thousands. */
const listed = (numbers: readonly number[], count: number): string =>
  numbers.slice(0, 20).join(', ') + (count > 20 ? ` and ${count - 20} more` : '')

/** The errors of an upload that goes straight to the bucket. */
export const directErrors = {
  upload_incomplete: {
    status: 409,
    title: 'Upload incomplete',
    detail: ({ filename, missing, count }: { filename: string; missing: readonly number[]; count: number }) =>
      missing.length === 0
        ? `File '${shown(filename)}' has not arrived at the store.`
        : `The store does not have these parts of file '${shown(filename)}', or not in full: ${listed(missing, count)}.`,
  },
  upload_expired: {
    status: 410,
    title: 'Upload expired',
    detail: ({ filename }: { filename: string }) => `The upload of '${shown(filename)}' was not completed in time. Please begin a new one.`,
  },
  upload_closed: {
    status: 409,
    title: 'Upload closed',
    detail: ({ filename }: { filename: string }) => `The upload of '${shown(filename)}' was completed, so nothing can be added to it.`,
  },
  size_mismatch: {
    status: 400,
    title: 'Size does not match',
    detail: ({ filename, declaredBytes, storedBytes }: { filename: string; declaredBytes: number; storedBytes: number }) =>
      `File '${shown(filename)}' has ${storedBytes} bytes, not ${declaredBytes} as declared.`,
  },
  inspection_pending: {
    status: 503,
    title: 'Inspection pending',
    detail: ({ filename }: { filename: string }) =>
      `File '${shown(filename)}' has arrived, and its inspection has not ended yet. Repeat the request to get the result.`,
  },
  part_number_invalid: {
    status: 400,
    title: 'Part number invalid',
    detail: ({ filename, count }: { filename: string; count: number }) =>
      `The parts of file '${shown(filename)}' have the numbers 1 to ${count}; another one was requested.`,
  },
} as const satisfies Record<string, CatalogueEntry>
