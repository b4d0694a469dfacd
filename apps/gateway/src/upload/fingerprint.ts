/** A file of a form, accepted or refused, as far as a repetition of the request must agree with it. */
export interface FilePrint {
  readonly name: string
  readonly size: number
  readonly hash: string
}

/** What a request said: its fields in the order of their names, its files in the order of the form. */
export interface Fingerprint {
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly files: readonly FilePrint[]
}

/** Two requests say the same when these texts are the same. */
export const fingerprintText = ({ fields, files }: Fingerprint): string =>
  JSON.stringify({ fields: fields.toSorted(([a], [b]) => (a < b ? -1 : 1)), files })

/** What a text of `fingerprintText` was made of. */
export const parseFingerprint = (text: string): Fingerprint => JSON.parse(text)
