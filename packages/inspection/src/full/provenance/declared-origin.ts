import { type DeclaredOrigin, KiB, MiB } from '@airlock/domain'
import type { Part } from '../picture/picture-structure.ts'
import { exifTexts } from '../suspicious/exif-texts.ts'
import { generatedByAi, termOf } from './digital-source-types.ts'
import { plainText } from './texts.ts'

/** Bytes of one text, and of all together, that are searched. */
const maxTextBytes = 256 * KiB
const maxTotalBytes = 4 * MiB

/** The form of what generators write. Every pattern here takes linear time. */
const forms: readonly (readonly [generator: string, form: RegExp])[] = [
  ['ComfyUI', /"(?:class_type|last_node_id)\\?"\s{0,4}:/],
  ['Automatic1111', /Steps: \d{1,4}, (?:Sampler|Schedule type|CFG scale|Seed): /],
]

/** Names of generators at the beginning of a field for the program that made the file. Elsewhere a caption may mention any of them. */
const names = /^(?:ComfyUI|InvokeAI|NovelAI|Midjourney|Adobe Firefly|DALL[·-]E|Stable Diffusion|Fooocus|SwarmUI|SD\.Next|Draw Things)/i

/** XMP's and PNG's fields for the program. */
const programField = /(?:CreatorTool|Software)(?:\s{0,4}=\s{0,4}["']|>|\0)([^<"'\0]{1,200})/

/** XMP's property as an attribute, as an element, or as an element with a resource. */
const sourceType = /DigitalSourceType(?:\s{0,4}=\s{0,4}["']|>|\s{1,4}rdf:resource\s{0,4}=\s{0,4}["'])\s{0,4}([^<"'\s]{1,200})/

/**
 * What texts of a file say about its origin without a signature: XMP's `DigitalSourceType`, and the parameters or the name of a known generator.
 *
 * @param texts each is read when it is needed, because it may be compressed
 * @returns undefined if they say nothing
 */
export function declaredIn(texts: Iterable<Buffer>): DeclaredOrigin | undefined {
  let left = maxTotalBytes
  let term: string | null = null
  let generator: string | null = null
  for (const bytes of texts) {
    const length = Math.min(bytes.length, maxTextBytes, left)
    left -= length
    // zeros separate a keyword from its text, but in UTF-16 they are every second byte
    const text = bytes.toString('utf8', 0, length)
    term ??= termOf(sourceType.exec(text)?.[1])
    generator ??= generatorIn(text) ?? generatorIn(text.replaceAll('\0', ''))
    if (left === 0 || (term !== null && generator !== null)) break
  }
  if (term === null && generator === null) return undefined
  const saysAi = generatedByAi(term) ?? (generator === null ? null : true)
  return { generator, digital_source_type: term, ai_generated: saysAi }
}

function generatorIn(text: string): string | null {
  const known = forms.find(([, form]) => form.test(text))
  if (known) return known[0]
  return (
    [programField.exec(text)?.[1], text.slice(0, 200)]
      .map((field) => (field && names.test(field) ? plainText(field) : null))
      .find((name) => name !== null) ?? null
  )
}

/** Parts of a picture that contain texts. */
export function* textsOf(parts: readonly Part[]): Generator<Buffer> {
  for (const part of parts) {
    if (part.kind === 'xmp' || part.kind === 'text') yield part.bytes
    else if (part.kind === 'exif') yield* exifTexts(part.bytes)
  }
}
