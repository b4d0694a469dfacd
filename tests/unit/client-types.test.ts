import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { apiTypes, type OpenApiDocument } from '../../packages/client/test/api-types.ts'
import { openApiDocument } from '../../tools/docs-site/openapi-document.ts'

/** The schemas of requests and responses that the client uses, and the operations whose query it sends. */
const schemas = [
  'UploadAnswer',
  'OpenAnswer',
  'SignedParts',
  'StoredParts',
  'CompletedUploads',
  'Job',
  'JobList',
  'UnknownJobs',
  'AssetList',
  'PresignedAsset',
  'ProductImages',
  'EventPage',
  'Problem',
]
const operations = ['listJobs', 'listAssets', 'presignAsset']

const head = `// Written from the OpenAPI document: npm test -- tests/unit/client-types.test.ts -u\n\n`

test('the types of the client are those of the OpenAPI document', async () => {
  const types = apiTypes((await openApiDocument()) as OpenApiDocument, schemas, operations)

  const formatted = execFileSync('biome', ['format', '--stdin-file-path=api.ts'], { input: head + types, encoding: 'utf8' })

  await expect(formatted).toMatchFileSnapshot('../../packages/client/src/api.ts')
})
