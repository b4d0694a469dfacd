import { readFileSync } from 'node:fs'

const folder = new URL('../../../examples/samples/', import.meta.url)

export interface Sample {
  readonly filename: string
  readonly declaredType: string
  readonly bytes: Buffer
}

const shipped = (file: string, declaredType: string): Sample => ({
  filename: file.slice(file.indexOf('/') + 1),
  declaredType,
  bytes: readFileSync(new URL(file.split('/').map(encodeURIComponent).join('/'), folder)),
})

/** Good and bad sample files. */
export const samples = {
  photo: shipped('good/Harbour at dusk.jpg', 'image/jpeg'),
  logo: shipped('good/logo.png', 'image/png'),
  scene: shipped('good/scene-01.mp4', 'video/mp4'),
  boats: shipped('good/boats.zip', 'application/zip'),
  brokenPhoto: shipped('bad/half a photo.jpg', 'image/jpeg'),
} as const satisfies Record<string, Sample>
