import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import sharp from 'sharp'

/** A program of somebody else's that opens what passed, or does not. */
interface Opener {
  readonly name: string
  readonly isHere: () => Promise<boolean>
  readonly opens: (path: string) => Promise<boolean>
}

const callTimeoutMs = 60_000

/** Ends with 0, and writes something where that is asked for. A program that hangs opens nothing. */
function succeeds(program: string, args: readonly string[], writesSomething = false): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: callTimeoutMs, killSignal: 'SIGKILL' })
    let written = 0
    child.stdout.on('data', (chunk: Buffer) => {
      written += chunk.length
    })
    child.on('error', () => resolve(false))
    child.on('close', (code) => resolve(code === 0 && (written > 0 || !writesSomething)))
  })
}

const ffprobe: Opener = {
  name: 'ffprobe',
  isHere: () => succeeds('ffprobe', ['-version']),
  opens: (path) => succeeds('ffprobe', ['-v', 'quiet', '-select_streams', 'v', '-show_entries', 'stream=codec_type', path], true),
}
const ffmpeg: Opener = {
  name: 'ffmpeg',
  isHere: () => succeeds('ffmpeg', ['-version']),
  opens: (path) => succeeds('ffmpeg', ['-v', 'quiet', '-nostdin', '-xerror', '-i', path, '-frames:v', '1', '-f', 'null', '-']),
}
const imageMagick: Opener = {
  name: 'ImageMagick',
  isHere: () => succeeds('identify', ['-version']),
  // -verbose reads the pixels; any warning is an error
  opens: (path) => succeeds('identify', ['-regard-warnings', '-verbose', path]),
}
/** Apart from inspection's own call: all its loaders, and no more strict than other people call it. */
const plainSharp: Opener = {
  name: 'sharp',
  isHere: async () => true,
  opens: async (path) => {
    try {
      await sharp(await readFile(path), { animated: true }).stats()
      return true
    } catch {
      return false
    }
  },
}
const unzip: Opener = {
  name: 'unzip',
  isHere: () => succeeds('unzip', ['-v']),
  opens: (path) => succeeds('unzip', ['-qq', '-o', path, '-d', `${path}.unpacked`]),
}

/** Knows versions of the format that unzip does not, and doesn't end with a mere warning. Each entry is held against its checksum. */
const pythonZip: Opener = {
  name: 'python',
  isHere: () => succeeds('python3', ['-c', 'import zipfile']),
  opens: (path) => succeeds('python3', ['-m', 'zipfile', '-e', path, `${path}.unpacked`]),
}

/** Programs that share no decoder with inspection come first. */
const openersOf = (file: string): readonly Opener[] =>
  extname(file).toLowerCase() === '.mp4' ? [ffprobe] : [ffmpeg, imageMagick, plainSharp]

const isPicture = (file: string): boolean => /\.(?:jpe?g|png|webp)$/i.test(file)
const isOfMacOs = (file: string): boolean => /(?:^|\/)(?:__MACOSX\/|\._)/.test(file)

/** What other people's programs say of files. */
export class Openers {
  readonly #folder: string
  #files = 0
  /** How many files, and pictures in archives and the archives themselves, each of them was the first to open. */
  readonly opened: Record<string, number> = {}

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(): Promise<Openers> {
    return new Openers(await mkdtemp(join(tmpdir(), 'airlock-openers-')))
  }

  /** The names of those that are not on this machine. */
  static async missing(): Promise<string[]> {
    const all = [ffprobe, ffmpeg, imageMagick, unzip, pythonZip]
    const here = await Promise.all(all.map((opener) => opener.isHere()))
    return all.filter((_, i) => !here[i]).map(({ name }) => name)
  }

  /** @returns what none of them opens: the file itself, or the pictures of an archive; empty when all is well */
  async refuse(file: string, bytes: Uint8Array): Promise<string[]> {
    const folder = join(this.#folder, String(this.#files++))
    await mkdir(folder)
    const path = join(folder, `file${extname(file)}`)
    try {
      await writeFile(path, bytes)
      return extname(file) === '.zip' ? await this.#ofArchive(path) : await this.#ofFile(path, file)
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  close(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true })
  }

  async #ofArchive(path: string): Promise<string[]> {
    const opener = await firstOf([unzip, pythonZip], path)
    if (opener === null) return ['the archive']
    this.#count(opener)
    const pictures = (await filesBelow(Buffer.from(`${path}.unpacked`))).filter(
      (file) => isPicture(nameOf(file)) && !isOfMacOs(nameOf(file)),
    )
    if (pictures.length === 0) return ['the archive: it holds no picture']
    const refused = await Promise.all(pictures.map((file, i) => this.#ofEntry(file, `${path}.${i}`)))
    return refused.flat()
  }

  /** A name need not be UTF-8, and no program can be told such a one; so the file is given another first. */
  async #ofEntry(file: Buffer, place: string): Promise<string[]> {
    const path = `${place}${extname(nameOf(file)).toLowerCase()}`
    await rename(file, path)
    return (await this.#ofFile(path, path)).length === 0 ? [] : [nameOf(file)]
  }

  async #ofFile(path: string, name: string): Promise<string[]> {
    const opener = await firstOf(openersOf(name), path)
    if (opener === null) return [name]
    this.#count(opener)
    return []
  }

  #count({ name }: Opener): void {
    this.opened[name] = (this.opened[name] ?? 0) + 1
  }
}

async function firstOf(openers: readonly Opener[], path: string): Promise<Opener | null> {
  for (const opener of openers) if (await opener.opens(path)) return opener
  return null
}

const nameOf = (path: Buffer): string => path.toString('latin1')

/** As bytes: what is not UTF-8 in a name would not be found again. */
async function filesBelow(folder: Buffer): Promise<Buffer[]> {
  const entries = await readdir(folder, { encoding: 'buffer', withFileTypes: true })
  const below = entries.map(async (entry) => {
    const path = Buffer.concat([folder, Buffer.from('/'), entry.name])
    return entry.isDirectory() ? await filesBelow(path) : [path]
  })
  return (await Promise.all(below)).flat()
}
