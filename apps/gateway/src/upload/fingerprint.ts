/** A file of a form, accepted or refused: what a repetition of the request must match. */
export interface FilePrint {
  readonly name: string
  readonly size: number
  readonly hash: string
}

/** The content of a request: its fields in the order of their names, its files in the order of the form. */
export interface Fingerprint {
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly files: readonly FilePrint[]
}

/** Two requests have the same content if these texts are equal. */
export const fingerprintText = ({ fields, files }: Fingerprint): string =>
  JSON.stringify({ fields: fields.toSorted(([a], [b]) => (a < b ? -1 : 1)), files })

/** The inverse of `fingerprintText`. */
export const parseFingerprint = (text: string): Fingerprint => JSON.parse(text)
