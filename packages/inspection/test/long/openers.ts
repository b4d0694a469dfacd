import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import sharp from 'sharp'

/** Another program that opens a file, or fails. */
interface Opener {
  readonly name: string
  readonly isHere: () => Promise<boolean>
  readonly opens: (path: string) => Promise<boolean>
}

const callTimeoutMs = 60_000

/** Whether it exits with 0 and writes the expected output. A program that hangs has failed. */
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
/** Independent of inspection: with all loaders and default strictness. */
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

/** Supports versions of the format that unzip does not. Verifies the checksum of each entry. */
const pythonZip: Opener = {
  name: 'python',
  isHere: () => succeeds('python3', ['-c', 'import zipfile']),
  opens: (path) => succeeds('python3', ['-m', 'zipfile', '-e', path, `${path}.unpacked`]),
}

/** Programs without decoders of inspection come first. */
const openersOf = (file: string): readonly Opener[] =>
  extname(file).toLowerCase() === '.mp4' ? [ffprobe] : [ffmpeg, imageMagick, plainSharp]

const isPicture = (file: string): boolean => /\.(?:jpe?g|png|webp)$/i.test(file)
const isOfMacOs = (file: string): boolean => /(?:^|\/)(?:__MACOSX\/|\._)/.test(file)

/** Opens files with other programs. */
export class Openers {
  readonly #folder: string
  #files = 0
  /** The number of files, archives and pictures in archives that each program opened first. */
  readonly opened: Record<string, number> = {}

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(): Promise<Openers> {
    return new Openers(await mkdtemp(join(tmpdir(), 'airlock-openers-')))
  }

  /** Names of programs that are not installed. */
  static async missing(): Promise<string[]> {
    const all = [ffprobe, ffmpeg, imageMagick, unzip, pythonZip]
    const here = await Promise.all(all.map((opener) => opener.isHere()))
    return all.filter((_, i) => !here[i]).map(({ name }) => name)
  }

  /** @returns what no program opens: the file itself, or pictures of an archive */
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

  /** Renames a file whose name is not UTF-8, because it can't be passed to programs. */
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

/** Names as bytes, because they may not be UTF-8. */
async function filesBelow(folder: Buffer): Promise<Buffer[]> {
  const entries = await readdir(folder, { encoding: 'buffer', withFileTypes: true })
  const below = entries.map(async (entry) => {
    const path = Buffer.concat([folder, Buffer.from('/'), entry.name])
    return entry.isDirectory() ? await filesBelow(path) : [path]
  })
  return (await Promise.all(below)).flat()
}
