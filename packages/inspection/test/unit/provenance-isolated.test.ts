import { readFileSync } from 'node:fs'
import { bytesInMemory, type ProvenancePolicy } from '@airlock/domain'
import { defaultIsolation, InspectorPool } from '@airlock/inspection/isolated'
import { expect, onTestFinished, test } from 'vitest'

const folder = new URL('../../corpus/originals/credentials/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, folder))
const never = new AbortController().signal

/** Inspects signed files one after the other in one inspector process. */
async function inspected(names: readonly string[], trustPem: string | null, policy: ProvenancePolicy) {
  const provenance = { trustPem, policy: { brand_image: policy, generated_video: policy } }
  const pool = new InspectorPool(1, { ...defaultIsolation, limits: { ...defaultIsolation.limits, provenance } })
  onTestFinished(() => pool.close())
  const found: string[] = []
  for (const name of names) {
    const upload = name.endsWith('.mp4')
      ? ({ filename: name, mediaType: 'video/mp4', assetType: 'generated_video' } as const)
      : ({ filename: name, mediaType: 'image/jpeg', assetType: 'brand_image' } as const)
    const verdict = await pool.inspect(bytesInMemory(read(name)), upload, never)
    const facts = verdict.ok ? verdict.facts.provenance : undefined
    found.push(verdict.ok ? `${facts?.present ? facts.state : 'absent'}` : verdict.refusal.code)
  }
  return found
}

test('an inspector process verifies credentials, and gets the trusted certificates for all its files', async () => {
  const files = ['signed.jpg', 'signed.mp4', 'unknown.jpg', 'signed.jpg']
  expect(await inspected(files, read('root.pem').toString(), 'report')).toEqual(['trusted', 'trusted', 'valid', 'trusted'])
  expect(await inspected(files.slice(0, 2), null, 'report')).toEqual(['valid', 'valid'])
})

test('an inspector process applies the policy of a kind', async () => {
  expect(await inspected(['signed.jpg', 'unknown.mp4', 'expired.jpg'], read('root.pem').toString(), 'strict')).toEqual([
    'trusted',
    'provenance_untrusted',
    'provenance_invalid',
  ])
})
