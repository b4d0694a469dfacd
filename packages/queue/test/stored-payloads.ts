import { readdirSync, readFileSync } from 'node:fs'

/** A payload of a released version. It must stay readable as long as jobs of that version may be in queues. */
export interface StoredPayload {
  /** The name of its file, such as `generated-video.v1.full`. */
  readonly name: string
  readonly schema: `${string}.v${number}.json`
  readonly data: Record<string, unknown>
}

const folder = new URL('./payloads/', import.meta.url)

/** All stored payloads. Files are added, never changed: such payloads have been sent. */
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
