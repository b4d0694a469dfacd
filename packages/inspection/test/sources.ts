import { readFileSync } from 'node:fs'
import { type AssetType, type ByteSource, bytesInMemory, claimedTypeOf, judgeContent, kindsOf, type MediaType } from '@airlock/domain'
import { type Inspection, inspect } from '@airlock/inspection/full'
import { headBytes, identify } from '@airlock/inspection/head'

const samplesFolder = new URL('../../../examples/samples/', import.meta.url)

export interface Sample {
  file: string
  asset_type: AssetType
  expected: string
}

export const samples: Sample[] = JSON.parse(readFileSync(new URL('samples.json', samplesFolder), 'utf8'))

export const sample = (file: string): Buffer => readFileSync(new URL(file.split('/').map(encodeURIComponent).join('/'), samplesFolder))

/** The type that the gateway would claim: the detected one if the name allows it, otherwise that of the name. */
export async function typeAtTheDoor(filename: string, bytes: Uint8Array, assetType: AssetType): Promise<MediaType> {
  const claimedType = claimedTypeOf(filename)
  if (claimedType === null) throw new Error(`${filename} claims nothing`)
  const content = await identify(bytes.subarray(0, headBytes))
  return judgeContent({ filename, claimedType, assetType }, content) === null ? (content.mediaType ?? claimedType) : claimedType
}

/** The verdict of `inspect` on named bytes; the kind is that of the name's type. */
export async function inspected(bytes: Uint8Array, filename: string, limits?: Parameters<typeof inspect>[2]): Promise<Inspection> {
  const mediaType = claimedTypeOf(filename) ?? 'image/jpeg'
  const [assetType = 'brand_image'] = kindsOf(mediaType)
  return inspect(bytesInMemory(bytes), { filename, mediaType, assetType }, limits)
}

/** The code and detail of a rejection, or the facts. */
export const outcome = (verdict: Inspection) => (verdict.ok ? verdict.facts : `${verdict.refusal.code}: ${verdict.refusal.detail}`)

/** A source that records reads. */
export function watched(bytes: Uint8Array): ByteSource & { reads: { offset: number; length: number }[] } {
  const source = bytesInMemory(bytes)
  const reads: { offset: number; length: number }[] = []
  return {
    ...source,
    reads,
    read: (offset, length) => {
      reads.push({ offset, length })
      return source.read(offset, length)
    },
  }
}
