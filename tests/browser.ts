import { execFileSync } from 'node:child_process'
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
  const served = await servePage(modules, port)
  let browser: Browser | null = null
  const close = async () => {
    await browser?.close()
    served.close()
  }
  try {
    browser = await chromium.launch({ executablePath: installedChromium() })
    return { page: await opened(await browser.newPage(), served.origin), origin: served.origin, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Serves the page of `openPage`. */
export async function servePage(modules: Readonly<Record<string, string>>, port: number): Promise<{ origin: string; close(): void }> {
  const program = await bundle(modules)
  const server = createServer(({ url }, response) => {
    const isProgram = url === '/main.js'
    response.setHeader('content-type', isProgram ? 'text/javascript' : 'text/html; charset=utf-8')
    response.end(
      isProgram ? program : '<!doctype html><input type="file" id="files" multiple><script type="module" src="/main.js"></script>',
    )
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { origin: `http://127.0.0.1:${port}`, close }
}

/**
 * Opens a page in a Chromium of its own, whose data outlive it.
 *
 * @param profile the folder of its data
 * @returns the page, and a function that kills all processes of the browser
 */
export async function openMortalPage(origin: string, profile: string): Promise<{ page: Page; kill(): Promise<void> }> {
  const context = await chromium.launchPersistentContext(profile, { executablePath: installedChromium() })
  const closed = new Promise<void>((resolve) => context.once('close', () => resolve()))
  const kill = async () => {
    const pids = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8', maxBuffer: 2 ** 24 })
      .split('\n')
      .filter((line) => line.includes(`--user-data-dir=${profile}`))
    for (const pid of pids) kill9(Number.parseInt(pid, 10))
    if (pids.length > 0) await closed
  }
  try {
    return { page: await opened(await context.newPage(), origin), kill }
  } catch (error) {
    await kill()
    throw error
  }
}

function kill9(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it ended with its parent
  }
}

function installedChromium(): string {
  const path = chromiumInPath()
  if (path === null) throw new Error('Chromium is not in PATH')
  return path
}

async function opened(page: Page, origin: string): Promise<Page> {
  page.on('pageerror', (error) => process.stderr.write(`in the page: ${error.stack}\n`))
  await page.goto(origin)
  return page
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
