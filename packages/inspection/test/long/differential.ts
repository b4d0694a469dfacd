import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesInMemory, type MediaType } from '@airlock/domain'
import { inspect } from '@airlock/inspection/full'
import { fileTypeFromBuffer } from 'file-type'
import sharp from 'sharp'
import { corpusFolder } from '../../corpus/cache.ts'
import type { CorpusFile } from '../../corpus/corpus-file.ts'
import { manifest } from '../../corpus/manifest.ts'
import { typeAtTheDoor } from '../sources.ts'

/**
 * Compares other tools on the corpus: accepted bad files, rejected good files, and cost.
 * `node packages/inspection/test/long/differential.ts` prints the table of docs/inspection.md. Needs ffprobe on the PATH.
 */

interface Subject {
  readonly file: string
  readonly path: string
  readonly bytes: Buffer
  readonly mediaType: MediaType
  readonly as: CorpusFile['as']
}

interface Judge {
  readonly name: string
  readonly takes: readonly string[]
  /** Whether the tool would accept a file. */
  readonly accepts: (subject: Subject) => Promise<boolean>
}

const pictures = ['image/jpeg', 'image/png', 'image/webp']
const everything = [...pictures, 'video/mp4', 'application/zip']
const formatOf: Readonly<Record<string, string>> = { 'image/jpeg': 'jpeg', 'image/png': 'png', 'image/webp': 'webp' }
const rejects = () => false

const judges: readonly Judge[] = [
  {
    name: 'Airlock',
    takes: everything,
    accepts: async ({ file, bytes, mediaType, as }) => {
      const filename = file.slice(file.lastIndexOf('/') + 1)
      return (await inspect(bytesInMemory(bytes), { filename, mediaType, assetType: as })).ok
    },
  },
  {
    name: 'file-type alone',
    takes: everything,
    accepts: async ({ bytes, mediaType }) => same(mediaType, (await fileTypeFromBuffer(bytes))?.mime),
  },
  {
    name: 'sharp alone (decodes, `failOn: warning`)',
    takes: pictures,
    accepts: async ({ bytes, mediaType }) => {
      // unrestricted: our inspection enables only three loaders
      sharp.unblock({ operation: ['VipsForeignLoad'] })
      const { format } = await sharp(bytes).metadata()
      await sharp(bytes, { failOn: 'warning', animated: true }).stats()
      return format === formatOf[mediaType]
    },
  },
  { name: 'ffprobe', takes: [...pictures, 'video/mp4'], accepts: ({ path }) => probes(path) },
]

const same = (claimed: string, found: string | undefined) => claimed === found || (found === 'image/apng' && claimed === 'image/png')

function probes(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let output = ''
    const child = spawn('ffprobe', ['-v', 'quiet', '-show_entries', 'stream=codec_type', path])
    child.stdout.on('data', (text) => {
      output += text
    })
    child.on('error', reject)
    child.on('close', (code) => resolve(code === 0 && output.includes('video')))
  })
}

const folder = await corpusFolder()
const rows = await Promise.all(
  manifest.map(async ({ file, as, expect }) => {
    const path = join(folder, file)
    const bytes = await readFile(path)
    return { file, as, expect, path, bytes, mediaType: await typeAtTheDoor(file.slice(file.lastIndexOf('/') + 1), bytes, as) }
  }),
)

process.stdout.write('| | files | bad files accepted | good files rejected | ms per file |\n| --- | --- | --- | --- | --- |\n')
for (const { name, takes, accepts } of judges) {
  const subjects = rows.filter(({ mediaType }) => takes.includes(mediaType))
  let [misses, alarms] = [0, 0]
  const begun = performance.now()
  for (const subject of subjects) {
    const accepted = await accepts(subject).catch(rejects)
    if (accepted && subject.expect !== 'completed') misses++
    if (!accepted && subject.expect === 'completed') alarms++
  }
  const ms = (performance.now() - begun) / subjects.length
  const bad = subjects.filter(({ expect }) => expect !== 'completed').length
  process.stdout.write(
    `| ${name} | ${subjects.length} | ${misses} of ${bad} | ${alarms} of ${subjects.length - bad} | ${ms.toFixed(1)} |\n`,
  )
}
