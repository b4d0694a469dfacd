import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { freePort } from '@airlock/dev-servers'
import { tokenFor } from '@airlock/testkit/http'
import { root } from '../../tests/npm-start.ts'
import { type BenchStack, bucket, type StoreName, shippedCommand } from './bench-stack.ts'
import type { BenchFile } from './files.ts'
import type { Load } from './load.ts'

/** A service that takes uploads, and how they are sent to it. */
export interface RunningContestant {
  readonly name: ContestantName
  readonly pid: number
  readonly url: string
  upload(file: BenchFile, clients: number): Pick<Load, 'url' | 'method' | 'headers' | 'tokens' | 'body'>
  stop(): Promise<void>
}

export type ContestantName = 'bare handler' | 'forwarding handler' | 'multer-s3' | 'tus' | 'Fastify + lib-storage' | 'Airlock'

/** In the order of the tables. */
const starters: Readonly<Record<ContestantName, (stack: BenchStack, store: StoreName) => Promise<RunningContestant>>> = {
  'bare handler': (stack, store) => startPeer('bare handler', 'bare', stack, store),
  'forwarding handler': (stack, store) => startPeer('forwarding handler', 'forward', stack, store),
  'multer-s3': (stack, store) => startPeer('multer-s3', 'multer-s3', stack, store),
  tus: (stack, store) => startPeer('tus', 'tus', stack, store),
  'Fastify + lib-storage': (stack, store) => startPeer('Fastify + lib-storage', 'fastify', stack, store),
  Airlock: startAirlock,
}

export const contestantNames = Object.keys(starters) as ContestantName[]

export const startContestant = (name: ContestantName, stack: BenchStack, store: StoreName): Promise<RunningContestant> =>
  starters[name](stack, store)

async function startPeer(name: ContestantName, file: string, stack: BenchStack, store: StoreName): Promise<RunningContestant> {
  const port = await freePort()
  const { endpoint, region, accessKeyId, secretAccessKey } = stack.store(store)
  const service = await stack.start({
    name: file,
    command: [process.execPath, join(root, `bench/src/peers/${file}.ts`)],
    env: {
      PORT: `${port}`,
      NODE_ENV: 'production',
      S3_ENDPOINT: endpoint,
      S3_REGION: region,
      S3_BUCKET_NAME: bucket,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
    port,
  })
  const url = `http://127.0.0.1:${port}`
  return {
    name,
    pid: service.pid,
    url,
    upload: (upload, clients) => ({
      ...(name === 'tus' ? tusRequest(upload) : formRequest(upload)),
      url: `${url}${name === 'tus' ? '/files' : '/upload'}`,
      method: 'POST',
      tokens: Array<string>(clients).fill(''),
    }),
    stop: () => service.stop(5000),
  }
}

/** A gateway of Airlock as `npm run gateway` starts it. */
async function startAirlock(stack: BenchStack, store: StoreName): Promise<RunningContestant> {
  const port = await freePort()
  const settings = await stack.airlockSettings(store)
  const service = await stack.start({ name: 'gateway', command: shippedCommand('gateway'), env: { ...settings, PORT: `${port}` }, port })
  const url = `http://127.0.0.1:${port}`
  return {
    name: 'Airlock',
    pid: service.pid,
    url,
    upload: (upload, clients) => airlockUpload(url, stack.jwtSecret, upload, clients),
    stop: () => service.stop(10_000),
  }
}

/** Uploads to a gateway, each client as a user of its own. */
export const airlockUpload = (url: string, jwtSecret: string, file: BenchFile, clients: number) => ({
  ...formRequest(file, file.fields),
  url: `${url}/api/upload`,
  method: 'POST' as const,
  tokens: Array.from({ length: clients }, () => tokenFor(randomUUID(), jwtSecret)),
})

/** A form as browsers send it (RFC 7578). */
function formRequest({ name, mediaType, sizeBytes, head }: BenchFile, fields: Readonly<Record<string, string>> = {}) {
  const boundary = `----bench${randomUUID()}`
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const part = (disposition: string) => `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n`
  const before = Object.entries(fields).map(([field, value]) => `${part(`name="${field}"`)}\r\n${value}\r\n`)
  before.push(`${part(`name="files"; filename="${name}"`)}Content-Type: ${mediaType}\r\n\r\n`)
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: {
      before: base64(before.join('')),
      head: head.toString('base64'),
      bodyBytes: sizeBytes,
      after: base64(`\r\n--${boundary}--\r\n`),
    },
  }
}

/** One request that creates the upload and has its bytes (tus 1.0.0, Creation With Upload). */
const tusRequest = ({ sizeBytes, head }: BenchFile) => ({
  headers: { 'tus-resumable': '1.0.0', 'upload-length': `${sizeBytes}`, 'content-type': 'application/offset+octet-stream' },
  body: { before: '', head: head.toString('base64'), bodyBytes: sizeBytes, after: '' },
})
