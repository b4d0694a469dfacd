import { readdirSync, readFileSync } from 'node:fs'

/** Something that was sent in the words of a version: it stays readable for as long as that version may still be under way. */
export interface StoredPayload {
  /** As the file is called, such as `generated-video.v1.full`. */
  readonly name: string
  readonly schema: `${string}.v${number}.json`
  readonly data: Record<string, unknown>
}

const folder = new URL('./payloads/', import.meta.url)

/** All of them. Files are added, never changed: what they say is out there. */
export const storedPayloads: readonly StoredPayload[] = readdirSync(folder)
  .toSorted()
  .map((file) => {
    const [kind = '', version = 'v0'] = file.split('.')
    return {
      name: file.slice(0, -'.json'.length),
      schema: `${kind}.${version as `v${number}`}.json`,
      data: JSON.parse(readFileSync(new URL(file, folder), 'utf8')),
    }
  })
