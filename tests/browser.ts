import { once } from 'node:events'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { programInPath } from '@airlock/dev-servers'
import { type Browser, chromium, type Page } from 'playwright-core'
import { rolldown } from 'rolldown'

/** The Chromium of this machine, or null. It is never downloaded: Debian's package is `chromium` or, without windows, `chromium-headless-shell`. */
export const chromiumInPath = (): string | null =>
  ['chromium', 'chromium-headless-shell', 'google-chrome-stable'].map(programInPath).find((path) => path !== null) ?? null

export interface BrowserPage {
  readonly page: Page
  /** The page's origin, which a gateway must allow. */
  readonly origin: string
  close(): Promise<void>
}

/**
 * Opens a page in headless Chromium that has `<input type="file" id="files" multiple>` and runs a program.
 *
 * @param modules the program's modules by name, such as `main.js`, where it begins. They can import each other, and packages that `tests` depends on
 * @param port of the page's own web server
 */
export async function openPage(modules: Readonly<Record<string, string>>, port: number): Promise<BrowserPage> {
  const executablePath = chromiumInPath()
  if (executablePath === null) throw new Error('Chromium is not in PATH')
  const program = await bundle(modules)
  const server = createServer(({ url }, response) => {
    const isProgram = url === '/main.js'
    response.setHeader('content-type', isProgram ? 'text/javascript' : 'text/html; charset=utf-8')
    response.end(
      isProgram ? program : '<!doctype html><input type="file" id="files" multiple><script type="module" src="/main.js"></script>',
    )
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  let browser: Browser | null = null
  const close = async () => {
    await browser?.close()
    server.closeAllConnections()
    server.close()
  }
  try {
    browser = await chromium.launch({ executablePath })
    const page = await browser.newPage()
    page.on('pageerror', (error) => process.stderr.write(`in the page: ${error.stack}\n`))
    const origin = `http://127.0.0.1:${port}`
    await page.goto(origin)
    return { page, origin, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** One script of all modules and the packages that they import. */
async function bundle(modules: Readonly<Record<string, string>>): Promise<string> {
  // As if they were files of this folder, so that packages are found from here.
  const given = new Map(Object.entries(modules).map(([name, code]) => [join(import.meta.dirname, name), code]))
  const build = await rolldown({
    input: join(import.meta.dirname, 'main.js'),
    platform: 'browser',
    logLevel: 'warn',
    plugins: [
      {
        name: 'given-modules',
        resolveId(source, importer) {
          const path = importer === undefined ? source : join(dirname(importer), source)
          return given.has(path) ? path : null
        },
        load: (id) => given.get(id) ?? null,
      },
    ],
  })
  try {
    const { output } = await build.generate({ format: 'esm', codeSplitting: false })
    return output[0].code
  } finally {
    await build.close()
  }
}
