import { programInPath } from '@airlock/dev-servers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startMs } from '../npm-start.ts'
import { page, Walk, walkOf } from '../walk.ts'

/** Runs the commands of docs/provenance.md unchanged, with the settings that the page gives to `npm start`. */
const [, settings = ''] = /^((?:[A-Z0-9_]+=\S+ )+)npm start -- --no-samples$/m.exec(page('docs/provenance.md')) ?? []

let walk: Walk

beforeAll(async () => {
  walk = new Walk(
    ['--no-samples'],
    Object.fromEntries(
      settings
        .trim()
        .split(' ')
        .map((setting) => setting.split('=')),
    ),
  )
  await walk.ready()
}, startMs)
afterAll(() => walk.ends(), startMs)

test.skipIf(programInPath('curl') === null)(
  'under strict, a picture with trusted credentials becomes an asset, and a changed one and one without are rejected',
  { timeout: startMs },
  async () => {
    expect(settings).toContain('PROVENANCE_POLICY_BRAND_IMAGE=strict')
    const { stdout, stderr } = await walk.inShell(walkOf('docs/provenance.md', 'sh walk'))

    expect(stderr).toBe('')
    const [signed, edited, plain, list] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(signed.uploads).toMatchObject([{ status: 'completed', filename: 'Lighthouse by AI.jpg' }])
    expect(edited.uploads).toMatchObject([{ status: 'rejected', error: { code: 'provenance_invalid' } }])
    expect(plain.uploads).toMatchObject([{ status: 'rejected', error: { code: 'provenance_missing' } }])
    expect(list.assets).toMatchObject([
      {
        original_filename: 'Lighthouse by AI.jpg',
        provenance: { present: true, state: 'trusted', content: 'bound', ai_generated: true, signer: 'Example Studio' },
      },
    ])
  },
)
