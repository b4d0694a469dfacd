import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '@airlock/dev-servers'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { test as base, onTestFinished } from 'vitest'
import { chromiumInPath } from '../../../../tests/browser.ts'
import { jwtSecret, startServices } from '../../../../tests/services.ts'

export const run = promisify(execFile)

if (chromiumInPath() === null) process.stderr.write('skipped: the try page needs Chromium, which is not installed\n')

export interface Site {
  readonly url: string
  /** Another window, without what the others have stored. */
  open(options?: BrowserContextOptions): Promise<Page>
}

/** The built page, served by a gateway beside a worker, and a browser. */
export const test = base.extend('site', { scope: 'file' }, async ({ task: _ }: { task?: unknown }, { onCleanup }): Promise<Site> => {
  const executablePath = chromiumInPath()
  if (executablePath === null) throw new Error('Chromium is not in PATH')
  await run(process.execPath, [join(import.meta.dirname, '../../build.ts')])
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const [services, browser] = await Promise.all([
    startServices({
      PORT: String(port),
      TRY_PAGE: 'true',
      CORS_ORIGINS: url,
      DIRECT_PART_BYTES: '5242880',
      DIRECT_PUT_MAX_BYTES: '5242880',
    }),
    chromium.launch({ executablePath }),
  ])
  onCleanup(async () => {
    await browser.close()
    await services.close()
  })
  return {
    url,
    open: async (options = {}) => {
      const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options })
      onTestFinished(() => context.close())
      const page = await context.newPage()
      page.on('pageerror', (error) => process.stderr.write(`in the page: ${error.stack}\n`))
      await page.goto(url)
      return page
    },
  }
})

export const secret = jwtSecret

/** The card of an upload. */
export const card = (page: Page, name: string) => page.locator('.card').filter({ has: page.getByRole('heading', { name, exact: true }) })

export const badge = (page: Page, name: string) => card(page, name).locator('.badge')

export const sendSample = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()

/** A file on disk until the test ends. */
export function fileOf(name: string, bytes: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-try-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}
