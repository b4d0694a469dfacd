import { expect } from 'vitest'
import { accepted, assetId, goodRoutes, picture, test } from '../fake-gateway.ts'

test('behind a proxy that holds back streams, the first upload is polled after some seconds, and later ones at once', async ({
  gateway,
  client,
}) => {
  gateway.routes = { ...goodRoutes, 'POST /api/upload': [accepted()], 'GET /api/jobs/events': [{ jobs: [], after: 'hold' }] }
  const airlock = client()
  const upload = async () => {
    const startedAt = performance.now()
    expect(await airlock.upload(picture(), { assetType: 'brand_image' })).toMatchObject({ asset_id: assetId })
    return performance.now() - startedAt
  }
  expect(await upload()).toBeLessThan(8000)
  expect(await upload()).toBeLessThan(2000)
  expect(gateway.to('GET /api/jobs/events')).toHaveLength(1)
})
