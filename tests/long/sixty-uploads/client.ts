/**
 * A client in a separate process: sends one video many times concurrently, each copy padded to a given size, and prints each response. Its last line is
 * the summary. The exit code is 0 if all were accepted.
 *
 * Usage: node client.ts VIDEO COUNT BYTES, with AIRLOCK_URL and AIRLOCK_TOKEN in the environment
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { postStream } from '@airlock/testkit/http'
import { freeBox } from '../../chaos/files.ts'

const boundary = 'sixty-uploads'
const chunk = Buffer.alloc(256 * 1024)

const [video = '', count = '', bytes = ''] = process.argv.slice(2)
const film = readFileSync(video)
const project = randomUUID()
const begun = performance.now()
const answers = await Promise.all(Array.from({ length: Number(count) }, (_, index) => upload(index, Number(bytes))))
const numbers = Object.entries(Object.groupBy(answers, ({ answer }) => answer)).map(([answer, those = []]) => `${those.length} × ${answer}`)
const seconds = answers.map(({ ms }) => ms / 1000)
say(`${numbers.join(', ')}; the first after ${Math.min(...seconds).toFixed(1)} s, the last after ${Math.max(...seconds).toFixed(1)} s`)
process.exitCode = answers.every(({ answer }) => answer === '202') ? 0 : 1

/** @returns the status and the code of an error, or why there was no response */
async function upload(index: number, sizeBytes: number): Promise<{ answer: string; ms: number }> {
  const answer = await answerTo(form(index, sizeBytes)).catch(
    (error: NodeJS.ErrnoException) => `no answer (${error.code ?? error.message})`,
  )
  const ms = performance.now() - begun
  if (answer !== '202') say(`upload ${index}: ${answer} after ${(ms / 1000).toFixed(1)} s`)
  return { answer, ms }
}

async function answerTo(body: Iterable<Buffer>): Promise<string> {
  const { AIRLOCK_URL: url, AIRLOCK_TOKEN: token = '' } = process.env
  const answer = await postStream(`${url}/api/upload`, { token, type: `multipart/form-data; boundary=${boundary}`, body })
  const { code = '' } = JSON.parse(answer.body) as { code?: string }
  return `${answer.status} ${code}`.trim()
}

/** The video, padded by a free-space box to the given size. */
function* form(index: number, sizeBytes: number): Generator<Buffer> {
  yield Buffer.from(`${field('asset_type', 'generated_video')}${field('project_id', project)}${fileHead(index)}`)
  const box = freeBox(`upload ${index}`, 0)
  let emptyBytes = sizeBytes - film.byteLength - box.byteLength
  box.writeUInt32BE(box.byteLength + emptyBytes, 0)
  yield film
  yield box
  for (; emptyBytes > 0; emptyBytes -= chunk.byteLength) yield chunk.subarray(0, emptyBytes)
  yield Buffer.from(`\r\n--${boundary}--\r\n`)
}

function field(name: string, value: string): string {
  return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
}

function fileHead(index: number): string {
  return `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="film-${index}.mp4"\r\nContent-Type: video/mp4\r\n\r\n`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
