import { listStatement } from '../src/assets/list.ts'
import type { AssetCursor, AssetListOptions } from '../src/index.ts'
import { formerUser, heavyUser, measurePages } from './pages.ts'

/** Measures pages of assets in a table with a million assets of one user, and some of others. */

const total = 1_300_000
const project = '00000000-0000-4000-8000-0000000000aa'
const brand = '00000000-0000-4000-8000-0000000000bb'
const begin = Date.parse('2026-01-01T00:00:00Z')

const anywhere = (): AssetCursor => ({ createdAt: new Date(begin + Math.random() * total * 0.4), id: crypto.randomUUID() })

const credentials = (state: string, ai: string) =>
  `jsonb_build_object('present', true, 'state', '${state}', 'content', 'bound', 'generator', 'camera 7', 'digital_source_type', 'trainedAlgorithmicMedia',
     'ai_generated', ${ai}, 'signer', 'Studio', 'signed_at', null)`

await measurePages<AssetListOptions>({
  about: `${total} assets, three quarters of one user`,
  // In the order of their creation, as in production. A tenth are videos, one in a thousand belongs to the project, one in ninety to the brand, and
  // two or three share each millisecond. Those of the user who was active long ago are older than all others.
  // Nine of ten have no content credentials, and one in twenty of these declares AI; the others are valid, and half of them state AI. One in 100,000 is
  // invalid. None is trusted, and no invalid one states that it is not AI.
  async fill(sql) {
    await sql.query(
      `insert into assets (user_id, s3_key, original_filename, file_size, mime_type, asset_type, project_id, brand_id, metadata, created_at)
       select case when n <= $2 * 0.1 then '${formerUser}' when n % 6 > 0 then '${heavyUser}'
           else '00000000-0000-4000-8000-' || lpad((2 + n % 998)::text, 12, '0') end::uuid,
         'bench/' || n, 'picture ' || n || '.png', 1000 + n, 'image/png', case when n % 10 = 0 then 'generated_video' else 'brand_image' end,
         case when n % 1000 = 0 then '${project}'::uuid end, case when n % 90 = 1 then '${brand}'::uuid end,
         jsonb_build_object('content_hash', repeat('0123', 16), 'facts', jsonb_build_object('width', 640, 'height', 480, 'provenance', case
           when n % 100000 = 7 then ${credentials('invalid', 'true')}
           when n % 10 = 3 then ${credentials('valid', '(n % 20 = 3)')}
           when n % 20 = 1 then '{"present": false, "declared": {"generator": "ComfyUI", "digital_source_type": null, "ai_generated": true}}'::jsonb
           else '{"present": false}'::jsonb end)),
         '2026-01-01T00:00:00Z'::timestamptz + make_interval(secs => floor(n * 0.4) / 1000)
       from generate_series(1, $1::integer) as n`,
      [total, total],
    )
    await sql.query('vacuum analyze assets')
  },
  queries: {
    'first page': () => ({ userId: heavyUser, limit: 100 }),
    'page anywhere': () => ({ userId: heavyUser, limit: 100, before: anywhere() }),
    'page of 20': () => ({ userId: heavyUser, limit: 20, before: anywhere() }),
    'of a kind': () => ({ userId: heavyUser, limit: 100, assetType: 'generated_video', before: anywhere() }),
    'of a kind without any': () => ({ userId: heavyUser, limit: 100, assetType: 'lora_training' }),
    'of a project': () => ({ userId: heavyUser, limit: 100, projectId: project, before: anywhere() }),
    'of a brand and kind': () => ({ userId: heavyUser, limit: 100, brandId: brand, assetType: 'brand_image', before: anywhere() }),
    'without credentials': () => ({ userId: heavyUser, limit: 100, provenance: 'none', before: anywhere() }),
    'with valid credentials': () => ({ userId: heavyUser, limit: 100, provenance: 'valid', before: anywhere() }),
    'with invalid credentials': () => ({ userId: heavyUser, limit: 100, provenance: 'invalid' }),
    'trusted, of which there is none': () => ({ userId: heavyUser, limit: 100, provenance: 'trusted' }),
    'AI-generated': () => ({ userId: heavyUser, limit: 100, aiGenerated: true, before: anywhere() }),
    'not AI-generated': () => ({ userId: heavyUser, limit: 100, aiGenerated: false, before: anywhere() }),
    'AI-generated, no credentials': () => ({ userId: heavyUser, limit: 100, aiGenerated: true, provenance: 'none', before: anywhere() }),
    'AI-generated and invalid': () => ({ userId: heavyUser, limit: 100, aiGenerated: true, provenance: 'invalid' }),
    'not AI-generated and invalid': () => ({ userId: heavyUser, limit: 100, aiGenerated: false, provenance: 'invalid' }),
    'valid, of a kind that never is': () => ({
      userId: heavyUser,
      limit: 100,
      assetType: 'generated_video',
      provenance: 'valid',
      before: anywhere(),
    }),
    'AI-generated, without any of a kind': () => ({ userId: heavyUser, limit: 100, aiGenerated: true, assetType: 'generated_video' }),
    'in a period': () => {
      const { createdAt } = anywhere()
      return { userId: heavyUser, limit: 100, createdAfter: createdAt, createdBefore: new Date(createdAt.getTime() + 10_000) }
    },
    'of a user of long ago': () => ({ userId: formerUser, limit: 100 }),
    'of a user among many': () => ({ userId: heavyUser.replace(/0$/, '8'), limit: 100 }),
  },
  ask: (database, options) => database.assets.list(options),
  statement: listStatement,
})
