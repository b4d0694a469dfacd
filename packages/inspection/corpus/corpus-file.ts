import { readFileSync } from 'node:fs'
import type { AssetType, ErrorCode } from '@airlock/domain'

/** A file of the corpus, with the expected verdict and its reason. */
export interface CorpusFile {
  /** Its path in the corpus; the last part is its file name. */
  readonly file: string
  readonly as: AssetType
  /** `completed`, or the code of the rejection. */
  readonly expect: 'completed' | ErrorCode
  /** What the detail must match, so that it is not rejected for another reason. */
  readonly detail?: RegExp
  /** Why it is in the corpus; no two files have the same reason. */
  readonly why: string
  readonly make: () => Buffer | Promise<Buffer>
}

type Make = CorpusFile['make']

const kinds: Readonly<Record<string, AssetType>> = {
  jpg: 'brand_image',
  png: 'brand_image',
  webp: 'brand_image',
  mp4: 'generated_video',
  zip: 'lora_training',
}

const extensionOf = (file: string): string => file.slice(file.lastIndexOf('.') + 1)

const kindOf = (file: string): AssetType => kinds[extensionOf(file)] ?? 'brand_image'

/** A file that must pass. */
export const good = (file: string, why: string, make: Make): CorpusFile => ({
  file: `good/${extensionOf(file)}/${file}`,
  as: kindOf(file),
  expect: 'completed',
  why,
  make,
})

/** A file that must be rejected. */
export const bad =
  (expect: ErrorCode) =>
  (file: string, detail: RegExp, why: string, make: Make): CorpusFile => ({
    file: `bad/${expect}/${file}`,
    as: kindOf(file),
    expect,
    detail,
    why,
    make,
  })

const originals = new URL('originals/', import.meta.url)

/** A file that `make-originals.sh` created. */
export const original = (name: string): Buffer => readFileSync(new URL(name, originals))
