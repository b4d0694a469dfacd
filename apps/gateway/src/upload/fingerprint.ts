/** A file of a form, as far as a repetition of the request must agree with it. */
export type FilePrint =
  | { readonly name: string; readonly size: number; readonly hash: string }
  | { readonly name: string; readonly refused: true }

/** What a request said: its fields in the order of their names, its files in the order of the form. */
export interface Fingerprint {
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly files: readonly FilePrint[]
}

export const fingerprintText = ({ fields, files }: Fingerprint): string =>
  JSON.stringify({ fields: fields.toSorted(([a], [b]) => (a < b ? -1 : 1)), files })

/**
 * Whether a repeated request says the same as the first. A file that was refused then was not read to its end, so of it only the name
 * can be compared.
 *
 * @param first from `fingerprintText`
 */
export function saysTheSame(first: string, repeated: Fingerprint): boolean {
  const { fields, files } = JSON.parse(first) as Fingerprint
  const known = repeated.files.map((file, i): FilePrint => {
    const before = files[i]
    return before !== undefined && 'refused' in before ? { name: file.name, refused: true } : file
  })
  return fingerprintText({ fields: repeated.fields, files: known }) === fingerprintText({ fields, files })
}
