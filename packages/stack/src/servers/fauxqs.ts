import { fileURLToPath } from 'node:url'
import { freePort } from '../free-ports.ts'
import { onFreePorts, startLocalServer } from '../local-server.ts'
import { mayUse, type Server, type StackContext } from '../server.ts'
import { type S3Address, s3Answers } from './s3.ts'

/**
 * The last resort: an emulator. It takes every signature for good, so it is never taken without saying so, and not at all
 * where `AIRLOCK_REQUIRE_S3=seaweedfs` says that a run on it would prove nothing.
 */
export async function emulatedS3(context: StackContext): Promise<Server<S3Address> | string> {
  if (!mayUse('local', context.env)) return ''
  const wanted = context.env.AIRLOCK_REQUIRE_S3
  if (wanted && wanted !== 'fauxqs') return `the emulator fauxqs is ruled out by AIRLOCK_REQUIRE_S3=${wanted}`
  const server = await onFreePorts(() => start(context))
  for (const line of warning) context.say(`S3: WARNING: ${line}`)
  return server
}

const warning = [
  'this is the emulator fauxqs. It ignores encryption headers, conditional copies, and all signatures and expiries:',
  'a tampered or expired link works here. It does not list open multipart uploads. Tests of these are skipped.',
  'For a real store install SeaweedFS (weed) or pip.',
] as const

async function start(context: StackContext): Promise<Server<S3Address>> {
  const port = await freePort()
  const data = context.file.subfolder('fauxqs')
  const address = {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    accessKeyId: 'airlock',
    secretAccessKey: context.file.secret('s3SecretAccessKey'),
  }
  const controls = await startLocalServer(
    {
      name: 's3',
      kind: 'fauxqs',
      url: address.endpoint,
      command: process.execPath,
      args: [fileURLToPath(new URL('./fauxqs-process.ts', import.meta.url)), String(port), data],
      cwd: data,
      answers: () => s3Answers(address),
      signals: { stop: 'SIGTERM', discard: 'SIGKILL' },
    },
    context,
  )
  return { name: 's3', kind: 'fauxqs', address, where: `emulator fauxqs at 127.0.0.1:${port}, data in ${data}`, controls }
}
