import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { variableNames } from '@airlock/config'
import { identityOf, waitFor } from '@airlock/dev-servers'
import { afterEach, beforeEach, expect, test } from 'vitest'

const bin = (name: string) => fileURLToPath(new URL(`../../../bin/${name}`, import.meta.url))

interface Ended {
  code: number
  stdout: string
  stderr: string
}

const run = (args: string[], env: NodeJS.ProcessEnv = process.env): Promise<Ended> =>
  promisify(execFile)(process.execPath, args, { env })
    .then((output) => ({ code: 0, ...output }))
    .catch((error: Ended) => error)

test('--help names every flag and does nothing', async () => {
  const { code, stdout } = await run([bin('start.mjs'), '--help'])

  expect(code).toBe(0)
  for (const flag of ['--check', '--no-samples', '--reset', '--help', 'PORT', 'HOST']) expect(stdout).toContain(`  ${flag} `)
})

test('--help lists every setting of gateway and worker, within 80 columns', async () => {
  const { stdout } = await run([bin('start.mjs'), '--help'])

  const listed = [...stdout.matchAll(/^ {2}([A-Z][A-Z0-9_]+)/gm)].map(([, name]) => name)
  expect(listed).toEqual(expect.arrayContaining(variableNames))
  expect(stdout.split('\n').filter((line) => line.length > 80 && line.includes(' ', 7))).toEqual([])
})

test.each([
  [['--bogus'], "Unknown option '--bogus'"],
  [['up'], "Unexpected argument 'up'"],
  [['--check=yes'], "Option '--check' does not take an argument"],
  [['--check', '--no-samples'], '--check needs the samples'],
])('%j is reported as invalid, with the help', async (args, message) => {
  const { code, stdout, stderr } = await run([bin('start.mjs'), ...args])

  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toContain(message)
  expect(stderr).toContain('Usage: npm start')
})

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'a clone '))
})
afterEach(() => rmSync(root, { recursive: true }))

/** Writes a lock file: the clone's own, or npm's note of what it installed. */
function lock(path: string, packages: Record<string, object>): void {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), JSON.stringify({ packages }))
}

/** Creates the Node of the clone, which is searched for but not run. */
function ownNode(): void {
  mkdirSync(join(root, 'node_modules/.bin'), { recursive: true })
  writeFileSync(join(root, 'node_modules/.bin/node'), '')
}

/** Runs `install` with an npm that only records its arguments. */
async function install(npm = 'echo "$PWD $@" > "$0.npmCalls"'): Promise<Ended & { npmCalls: string }> {
  const tools = mkdtempSync(join(root, 'tools '))
  writeFileSync(join(tools, 'npm'), `#!/bin/sh\n${npm}\n`)
  chmodSync(join(tools, 'npm'), 0o755)
  const script = `import { install } from ${JSON.stringify(bin('install.mjs'))}; await install(${JSON.stringify(root)}, console.log)`
  const ended = await run(['--input-type=module', '-e', script], { ...process.env, PATH: `${tools}${delimiter}${process.env.PATH}` })
  return { ...ended, npmCalls: noted(join(tools, 'npm.npmCalls')) }
}

function noted(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return 'nothing'
  }
}

const wanted = { '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.0.0' } }

test('a fresh clone is installed with a message', async () => {
  lock('package-lock.json', wanted)

  const { code, stdout, npmCalls } = await install()

  expect(code).toBe(0)
  expect(npmCalls).toContain(`${root} ci `)
  expect(stdout).toMatch(/^Installing 2 packages with npm.*\nInstalled in \d+ s\.\n$/)
})

test('an existing installation is kept; links and packages for other systems do not count', async () => {
  lock('package-lock.json', {
    ...wanted,
    'node_modules/@airlock/domain': { link: true },
    'node_modules/for-another-system': { version: '1.0.0', optional: true },
  })
  lock('node_modules/.package-lock.json', wanted)
  ownNode()

  expect(await install()).toMatchObject({ code: 0, stdout: '', npmCalls: 'nothing' })
})

test('a package in another version is installed anew', async () => {
  lock('package-lock.json', wanted)
  lock('node_modules/.package-lock.json', { ...wanted, 'node_modules/b': { version: '1.9.0' } })
  ownNode()

  expect((await install()).stdout).toMatch(/^Installing 1 package with npm/)
})

test('a failing npm is an error with its exit code', async () => {
  lock('package-lock.json', wanted)

  const { code, stderr } = await install('exit 7')

  expect(code).toBe(1)
  expect(stderr).toContain('npm ci ended with exit code 7')
})

test('two concurrent runs install once', async () => {
  lock('package-lock.json', wanted)
  ownNode()
  const slowNpm = `sleep 0.5; cp ${JSON.stringify(join(root, 'package-lock.json'))} ${JSON.stringify(join(root, 'node_modules/.package-lock.json'))}`

  const runs = await Promise.all([install(slowNpm), install(slowNpm)])

  expect(runs.map(({ code }) => code)).toEqual([0, 0])
  const output = runs.map(({ stdout }) => stdout).join('')
  expect(output.match(/^Installing /gm)).toHaveLength(1)
  expect(output).toContain('Another run is installing the packages')
})

test('a run that was killed during the installation does not block others', async () => {
  lock('package-lock.json', wanted)
  const gone = await run(['-e', 'process.stdout.write(String(process.pid))'])
  mkdirSync(join(root, '.airlock'))
  symlinkSync(gone.stdout, join(root, '.airlock/installing'))

  expect((await install()).stdout).toMatch(/^Installing 2 packages with npm/)
})

test('a signal ends an installation and its processes within a second', async () => {
  lock('package-lock.json', wanted)
  const tools = mkdtempSync(join(root, 'tools '))
  const deaf = `trap '' INT TERM HUP; sh -c "trap '' INT TERM HUP; echo \\$\\$ > '${tools}/child'; sleep 30" & wait`
  writeFileSync(join(tools, 'npm'), `#!/bin/sh\n${deaf}\n`, { mode: 0o755 })
  const script = `
    import { install } from ${JSON.stringify(bin('install.mjs'))}
    await install(${JSON.stringify(root)}, console.log).catch((error) => { console.log(error.message); process.exit(error.exitCode) })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, PATH: `${tools}${delimiter}${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  await waitFor(() => noted(join(tools, 'child')).endsWith('\n'), { what: 'the start of npm', timeoutMs: 10_000 })

  const began = performance.now()
  child.kill('SIGINT')
  const [code] = await once(child, 'close')

  expect(performance.now() - began).toBeLessThan(1000)
  expect(code).toBe(130)
  expect(output).toContain('The installation was stopped; the next run completes it.')
  expect(identityOf(Number(noted(join(tools, 'child'))))).toBeNull()
})
