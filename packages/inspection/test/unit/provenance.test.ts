import { readFileSync } from 'node:fs'
import { bytesInMemory, type Provenance } from '@airlock/domain'
import { defaultLimits, inspect } from '@airlock/inspection/full'
import { test } from 'vitest'
import { type ExpectedProvenance, type SignedFile, signedFiles } from '../../corpus/credentials.ts'
import { typeAtTheDoor } from '../sources.ts'

const root = readFileSync(new URL('../../corpus/originals/credentials/root.pem', import.meta.url), 'utf8')

async function inspected({ filename, as: assetType, make }: SignedFile, trustPem: string | null): Promise<Provenance | undefined | string> {
  const bytes = make()
  const upload = { filename, mediaType: await typeAtTheDoor(filename, bytes, assetType), assetType }
  const limits = { ...defaultLimits, provenance: { trustPem, policy: {} } }
  const verdict = await inspect(bytesInMemory(bytes), upload, limits)
  return verdict.ok ? verdict.facts.provenance : verdict.refusal.code
}

async function verdictOn(file: SignedFile, trustPem: string | null): Promise<ExpectedProvenance | undefined | string> {
  const found = await inspected(file, trustPem)
  if (found === undefined || typeof found === 'string') return found
  return found.present ? { state: found.state, content: found.content } : null
}

const intact = signedFiles.filter(({ inspection }) => inspection === 'completed')

test.for(intact)('the verdict on $name', { timeout: 20_000 }, async (file, { expect }) => {
  expect(await verdictOn(file, null)).toEqual(file.withoutTrust)
  expect(await verdictOn(file, root)).toEqual(file.withRoot)
})
