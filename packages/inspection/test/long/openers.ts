import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
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

/** Programs that share no decoder with inspection come first. */
const openersOf = (file: string): readonly Opener[] =>
  extname(file).toLowerCase() === '.mp4' ? [ffprobe] : [ffmpeg, imageMagick, plainSharp]

const isPicture = (file: string): boolean => /\.(?:jpe?g|png|webp)$/i.test(file)
const isOfMacOs = (file: string): boolean => /(?:^|\/)(?:__MACOSX\/|\._)/.test(file)

/** What other people's programs say of files. */
export class Openers {
  readonly #folder: string
  #files = 0
  /** How many files, and pictures in archives, each of them was the first to open. */
  readonly opened: Record<string, number> = {}

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(): Promise<Openers> {
    return new Openers(await mkdtemp(join(tmpdir(), 'airlock-openers-')))
  }

  /** The names of those that are not on this machine. */
  static async missing(): Promise<string[]> {
    const all = [ffprobe, ffmpeg, imageMagick, unzip]
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
    if (!(await unzip.opens(path))) return ['the archive']
    const unpacked = `${path}.unpacked`
    const pictures = (await readdir(unpacked, { recursive: true })).filter((name) => isPicture(name) && !isOfMacOs(name))
    if (pictures.length === 0) return ['the archive: it holds no picture']
    const refused = await Promise.all(pictures.map((name) => this.#ofFile(join(unpacked, name), name)))
    return refused.flat()
  }

  async #ofFile(path: string, name: string): Promise<string[]> {
    for (const opener of openersOf(name)) {
      if (!(await opener.opens(path))) continue
      this.opened[opener.name] = (this.opened[opener.name] ?? 0) + 1
      return []
    }
    return [name]
  }
}
