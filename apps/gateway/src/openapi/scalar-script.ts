import { once } from 'node:events'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { gzipSync } from 'node:zlib'

const role = 'read the script of Scalar'

/**
 * Scalar's script, compressed by gzip.
 *
 * It is read in a thread that ends afterwards, because Scalar's package is a module of 5 MB with the script as a string: loading it takes a second and
 * tens of megabytes, which a gateway should neither wait for nor keep.
 */
export async function scalarScript(): Promise<Buffer> {
  const thread = new Worker(new URL(import.meta.url), { workerData: role })
  const ended = once(thread, 'exit').then(([code]) => {
    throw new Error(`the thread that reads the script of Scalar ended with exit code ${code}`)
  })
  const [script] = (await Promise.race([once(thread, 'message'), ended])) as [Uint8Array]
  return Buffer.from(script.buffer, script.byteOffset, script.byteLength)
}

/** The package has the script only as the response of a route. */
async function readScript(): Promise<Uint8Array> {
  const [{ default: Fastify }, { default: scalar }] = await Promise.all([import('fastify'), import('@scalar/fastify-api-reference')])
  const app = Fastify()
  await app.register(scalar, { routePrefix: '/', configuration: { url: '/' } })
  const { rawPayload } = await app.inject('/js/scalar.js')
  return gzipSync(rawPayload)
}

if (workerData === role) parentPort?.postMessage(await readScript())
