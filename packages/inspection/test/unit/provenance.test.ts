import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { bytesInMemory, type Provenance, type ProvenancePolicyOfKind } from '@airlock/domain'
import { defaultLimits, inspect } from '@airlock/inspection/full'
import { expect, test, vi } from 'vitest'
import { type ExpectedProvenance, type SignedFile, signedFiles } from '../../corpus/credentials.ts'
import { box, boxesOf } from '../../corpus/surgery/mp4.ts'
import { typeAtTheDoor } from '../sources.ts'

const root = readFileSync(new URL('../../corpus/originals/credentials/root.pem', import.meta.url), 'utf8')

async function inspected(
  { filename, as: assetType, make }: SignedFile,
  trustPem: string | null,
  policy: ProvenancePolicyOfKind = {},
): Promise<Provenance | undefined | string> {
  const bytes = make()
  const upload = { filename, mediaType: await typeAtTheDoor(filename, bytes, assetType), assetType }
  const limits = { ...defaultLimits, provenance: { trustPem, policy } }
  const verdict = await inspect(bytesInMemory(bytes), upload, limits)
  return verdict.ok ? verdict.facts.provenance : verdict.refusal.code
}

async function verdictOn(file: SignedFile, trustPem: string | null): Promise<ExpectedProvenance | undefined | string> {
  const found = await inspected(file, trustPem)
  if (found === undefined || typeof found === 'string') return found
  return found.present ? { state: found.state, content: found.content } : null
}

const intact = signedFiles.filter(({ inspection }) => inspection === 'completed')

test.for(intact)('the verdict on $name', { timeout: 20_000 }, async (file) => {
  expect(await verdictOn(file, null)).toEqual(file.withoutTrust)
  expect(await verdictOn(file, root)).toEqual(file.withRoot)
})

const fileOf = (name: string) => signedFiles.find((file) => file.name === name) as SignedFile

test('the facts name the generator, the type of source, the signer, and a time that a trusted authority confirmed', async () => {
  expect(await inspected(fileOf('jpg/timestamp'), root)).toEqual({
    present: true,
    state: 'trusted',
    content: 'bound',
    generator: 'Lumen Image 3.2',
    digital_source_type: 'trainedAlgorithmicMedia',
    ai_generated: true,
    signer: 'Example Studio',
    signed_at: expect.stringMatching(/^2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
  })
  expect(await inspected(fileOf('jpg/timestamp'), null)).toMatchObject({ state: 'valid', signed_at: null })
})

test('an edited picture names the editor, and keeps the type of source of the picture that it was made from', async () => {
  expect(await inspected(fileOf('jpg/two'), root)).toMatchObject({
    generator: 'Example Editor 12.1',
    digital_source_type: 'trainedAlgorithmicMedia',
    ai_generated: true,
  })
})

test.for([
  ['jpg/signed', 'require', null],
  ['jpg/removed', 'require', 'provenance_missing'],
  ['mp4/random', 'require', 'provenance_missing'],
  ['mp4/content-changed', 'require', null],
  ['mp4/content-changed', 'strict', 'provenance_invalid'],
  ['mp4/hidden-in-skip', 'strict', 'provenance_invalid'],
  ['png/unknown', 'strict', 'provenance_untrusted'],
  ['mp4/signed', 'strict', null],
] as const)('%s under %s: %s', async ([name, policy, code]) => {
  const policies = { brand_image: policy, generated_video: policy }
  const found = await inspected(fileOf(name), root, policies)
  expect(typeof found === 'string' ? found : null).toBe(code)
})

test.for([
  ['zeros', Buffer.alloc(8), 'bound'],
  ['text', Buffer.from('hidden!!'), 'unbound'],
] as const)('a video whose box of credentials, the last one, ends with %s', async ([, more, content]) => {
  const file = fileOf('mp4/credentials-moved')
  const make = () => {
    const boxes = boxesOf(file.make())
    const last = boxes.at(-1)
    expect(last?.type).toBe('uuid')
    return Buffer.concat([...boxes.slice(0, -1).map(({ type, body }) => box(type, body)), box('uuid', last?.body ?? more, more)])
  }
  expect(await inspected({ ...file, make }, root)).toMatchObject({ state: 'trusted', content })
})

test('no socket is opened, whatever the credentials refer to', async () => {
  const connections = [vi.spyOn(Socket.prototype, 'connect'), vi.spyOn(globalThis, 'fetch')]
  try {
    for (const name of ['jpg/timestamp', 'jpg/cawg', 'mp4/cawg', 'png/two', 'jpg/unknown']) await inspected(fileOf(name), root)
    expect(connections.map(({ mock }) => mock.calls)).toEqual([[], []])
  } finally {
    for (const connection of connections) connection.mockRestore()
  }
})
