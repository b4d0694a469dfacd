import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { KiB, MiB } from '@airlock/domain'

/**
 * Measures the speed and memory of `receive` in a minimal HTTP server.
 *
 *     node packages/storage/bench/receive.ts                       a store that discards: the limit of our side
 *     node packages/storage/bench/receive.ts --endpoint http://127.0.0.1:8333 --access-key … --secret-key … --bucket …
 *
 * The bucket must exist; the written objects are removed.
 */
const scenarios = [
  { name: 'one of 500 MiB', uploads: 1, atOnce: 1, bytes: 500 * MiB },
  { name: 'one of 200 MiB', uploads: 1, atOnce: 1, bytes: 200 * MiB },
  { name: 'ten of 100 MiB at once', uploads: 10, atOnce: 10, bytes: 100 * MiB },
  { name: '400 of 1 MiB, 8 at once', uploads: 400, atOnce: 8, bytes: MiB },
  { name: '1000 of 100 KiB, 8 at once', uploads: 1000, atOnce: 8, bytes: 100 * KiB },
]

const { values } = parseArgs({
  options: {
    endpoint: { type: 'string' },
    bucket: { type: 'string', default: 'bench' },
    'access-key': { type: 'string', default: 'none' },
    'secret-key': { type: 'string', default: 'none' },
    encryption: { type: 'string', default: 'none' },
    'semi-space': { type: 'string', default: '2' },
  },
})

const children: ChildProcess[] = []
process.on('exit', () => {
  for (const child of children) child.kill()
})

const beside = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

async function startSink(): Promise<string> {
  const child = spawn(process.execPath, [beside('sink.ts')], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = await once(child.stdout, 'data')
  children.push(child)
  return `http://127.0.0.1:${String(port).trim()}`
}

const chunk = Buffer.alloc(64 * KiB, 7)
function* body(bytes: number): Generator<Buffer> {
  for (let sent = 0; sent < bytes; sent += chunk.byteLength) yield chunk.subarray(0, Math.min(chunk.byteLength, bytes - sent))
}

const agent = new Agent({ keepAlive: true })

async function send(port: number, method: 'PUT' | 'DELETE', name: string, bytes: number): Promise<void> {
  const headers = { 'content-length': bytes }
  const outgoing = request({ agent, host: '127.0.0.1', port, method, path: `/${name}`, headers })
  Readable.from(body(bytes)).pipe(outgoing)
  const [response] = await once(outgoing, 'response')
  response.resume()
  await once(response, 'end')
}

const answerOf = async (child: ChildProcess) => (await once(child, 'message'))[0]

async function measure(target: object, { uploads, atOnce, bytes }: (typeof scenarios)[number]) {
  // As in the gateway: a small young generation; otherwise up to 64 MiB of read chunks wait for the garbage collector.
  const receiver = fork(beside('receiver.ts'), [JSON.stringify(target)], { execArgv: [`--max-semi-space-size=${values['semi-space']}`] })
  children.push(receiver)
  const { port } = await answerOf(receiver)
  // The first upload warms up.
  await send(port, 'PUT', 'warm', MiB)
  receiver.send('begin')
  await answerOf(receiver)
  const start = performance.now()
  let next = 0
  const inTurn = async () => {
    while (next < uploads) await send(port, 'PUT', String(next++), bytes)
  }
  await Promise.all(Array.from({ length: atOnce }, inTurn))
  const seconds = (performance.now() - start) / 1000
  for (let number = 0; number < uploads; number++) await send(port, 'DELETE', String(number), 0)
  await send(port, 'DELETE', 'warm', 0)
  receiver.send('end')
  const measured = await answerOf(receiver)
  return { ...measured, seconds, mebibytes: (uploads * bytes) / MiB }
}

const target = {
  endpoint: values.endpoint ?? (await startSink()),
  bucket: values.bucket,
  accessKeyId: values['access-key'],
  secretAccessKey: values['secret-key'],
  encryption: values.encryption,
}

process.stdout.write('scenario                     uploads/s    MiB/s  CPU ms/MiB  peak RSS MiB  added MiB\n')
for (const scenario of scenarios) {
  const { cpuMs, peakMiB, addedMiB, seconds, mebibytes } = await measure(target, scenario)
  const columns = [
    scenario.name.padEnd(28),
    (scenario.uploads / seconds).toFixed(1).padStart(9),
    (mebibytes / seconds).toFixed(0).padStart(8),
    (cpuMs / mebibytes).toFixed(2).padStart(11),
    peakMiB.toFixed(0).padStart(13),
    addedMiB.toFixed(0).padStart(10),
  ]
  process.stdout.write(`${columns.join(' ')}\n`)
}
agent.destroy()
for (const child of children) child.kill()
