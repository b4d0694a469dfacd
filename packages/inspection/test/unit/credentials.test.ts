import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { bytesInMemory } from '@airlock/domain'
import { inspect } from '@airlock/inspection/full'
import { describe, expect, test } from 'vitest'
import { type ExpectedProvenance, type SignedFile, signedFiles } from '../../corpus/credentials.ts'
import { typeAtTheDoor } from '../sources.ts'

type ToolVerdict =
  | { readonly error: string }
  | { readonly state: 'Trusted' | 'Valid' | 'Invalid'; readonly success: readonly string[]; readonly failure: readonly string[] }

const verdicts: Record<string, { sha256: string; without_trust: ToolVerdict; with_root: ToolVerdict }> = JSON.parse(
  readFileSync(new URL('../../corpus/credentials-verdicts.json', import.meta.url), 'utf8'),
)

const states = { Trusted: 'trusted', Valid: 'valid', Invalid: 'invalid' } as const

/** c2pa-python's verdict in our terms. */
function inOurTerms(verdict: ToolVerdict): ExpectedProvenance {
  if ('error' in verdict) return verdict.error.startsWith('ManifestNotFound') ? null : { state: 'unreadable', content: 'not_checked' }
  const has = (codes: readonly string[], outcome: string) =>
    codes.some((code) => /^assertion\.(?:data|bmff)Hash\./.test(code) && code.endsWith(outcome))
  const content = has(verdict.failure, 'mismatch') ? 'unbound' : has(verdict.success, 'match') ? 'bound' : 'not_checked'
  return { state: states[verdict.state], content }
}

async function structure({ filename, as: assetType, make }: SignedFile) {
  const bytes = make()
  const verdict = await inspect(bytesInMemory(bytes), { filename, mediaType: await typeAtTheDoor(filename, bytes, assetType), assetType })
  return verdict.ok ? 'completed' : verdict.refusal.code
}

describe('what is done to credentials decides nothing about the structure of a file', { timeout: 20_000 }, () => {
  test.each(signedFiles)('$name: $inspection', async (file) => {
    expect(await structure(file)).toBe(file.inspection)
  })
})

describe('c2pa-python has the verdict that is expected of us', () => {
  test.each(signedFiles)('$name', ({ name, make, inspection, withoutTrust, withRoot, differs }) => {
    const tool = verdicts[name]
    if (tool === undefined) throw new Error('run judge-credentials.py')
    expect(createHash('sha256').update(make()).digest('hex'), 'run judge-credentials.py').toBe(tool.sha256)
    if (inspection !== 'completed') return

    const agrees = { withoutTrust: inOurTerms(tool.without_trust), withRoot: inOurTerms(tool.with_root) }
    if (differs === undefined) expect(agrees).toEqual({ withoutTrust, withRoot })
    else expect(agrees, 'it no longer differs').not.toEqual({ withoutTrust, withRoot })
  })
})
