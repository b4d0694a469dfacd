import type { AssetType } from '@airlock/client'

/** A file of `examples/samples`, as the gateway lists it. */
export interface Sample {
  readonly file: string
  readonly asset_type: AssetType
  /** `completed`, or the code with which it is refused or rejected. */
  readonly expected: string
  readonly size_bytes: number
  readonly url: string
}

export async function listSamples(): Promise<Sample[]> {
  const response = await fetch('/try/samples')
  if (!response.ok) throw new Error(`the gateway answered with ${response.status}`)
  return (await response.json()) as Sample[]
}

const types: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  mp4: 'video/mp4',
  zip: 'application/zip',
}

/** The bytes of a sample, as a file that the user might have chosen. */
export async function readSample({ file, url }: Pick<Sample, 'file' | 'url'>): Promise<File> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`the gateway answered with ${response.status}`)
  const name = file.slice(file.lastIndexOf('/') + 1)
  const type = types[name.slice(name.lastIndexOf('.') + 1).toLowerCase()] ?? ''
  return new File([await response.blob()], name, { type, lastModified: 0 })
}
