import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '@airlock/dev-servers'
import type { Page, Route } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { chromiumInPath, openMortalPage, servePage } from '../../../../tests/browser.ts'
import { directVideo, hashOf, linkedGateway, longVideo, test } from '../real-gateway.ts'

const main = `
  import { Airlock } from '@airlock/client'
  globalThis.uploadOne = (options, kind) => new Airlock(options).upload(document.querySelector('#files').files[0], kind)
`

/** The moments at which the browser is killed: when a request that matches is made, before or after it has reached its server. */
const moments = [
  { when: 'before the first part is sent', request: /partNumber=/, after: false, resent: [1, 2, 3] },
  { when: 'while the last part is sent', request: /partNumber=3/, after: false, resent: [3] },
  { when: 'before the upload is completed', request: /\/complete$/, after: false, resent: [] },
  { when: 'before it learns that the upload is accepted', request: /\/complete$/, after: true, resent: [] },
]

test.skipIf(chromiumInPath() === null).for(moments)(
  'a browser that is killed $when continues the upload after its restart',
  { meta: { id: 'browser-killed-at-any-step' }, timeout: 300_000 },
  async ({ request, after, resent }, { gateway, client, worker: _ }) => {
    const folder = mkdtempSync(join(tmpdir(), 'airlock-client-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const [path, bytes] = [join(folder, 'killed.mp4'), longVideo()]
    writeFileSync(path, bytes)
    const [port = 0] = await freePorts(1)
    const { origin, close } = await servePage({ 'main.js': main }, port)
    onTestFinished(close)
    const { url, close: closeGateway } = await linkedGateway(gateway, { corsOrigins: [origin] })
    onTestFinished(closeGateway)
    const given = [{ baseUrl: url, token: await client.token() }, directVideo] as const
    const upload = async (page: Page) => {
      await page.setInputFiles('#files', path)
      return page.evaluate(([options, kind]) => globalThis.uploadOne(options, kind), given)
    }

    const first = await openMortalPage(origin, join(folder, 'profile'))
    onTestFinished(first.kill)
    const arrived = new Set<string>()
    first.page.on('requestfinished', (each) => arrived.add(each.url()))
    const { promise: held, resolve, reject } = Promise.withResolvers<void>()
    await first.page.route(request, async (route: Route) => {
      if (!after) return resolve() // it is never sent
      await route.fetch().then(() => resolve(), reject) // its response never arrives
    })
    upload(first.page).catch(reject) // also when its page goes away, but then it is too late
    await held
    const parts = () => [...arrived].filter((each) => each.includes('partNumber=')).length
    await expect.poll(parts, { timeout: 60_000 }).toBe(3 - resent.length)
    await first.kill()

    const second = await openMortalPage(origin, join(folder, 'profile'))
    onTestFinished(second.kill)
    const sent: number[] = []
    second.page.on('request', (each) => {
      if (each.method() === 'PUT') sent.push(Number(new URL(each.url()).searchParams.get('partNumber')))
    })
    const asset = await upload(second.page)

    expect(asset.content_hash).toBe(hashOf(bytes))
    expect(sent.toSorted()).toEqual(resent)
    const completed = (await gateway.uploads(client.id)).filter(({ state }) => state === 'completed')
    expect(completed).toHaveLength(1)
  },
)

declare global {
  var uploadOne: (
    given: { baseUrl: string; token: string },
    kind: object,
  ) => Promise<{ content_hash: string; asset_id: string; size_bytes: number }>
}
