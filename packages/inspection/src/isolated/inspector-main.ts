import { bytesInMemory } from '@airlock/domain'
import type { FromChild, ToChild } from './messages.ts'
import { disableNetwork } from './no-network.ts'
import { remoteSource } from './remote-source.ts'

/** The program of an inspector process: inspects the files that its parent sends, one after the other. Started only by `InspectorProcess`. */

disableNetwork()
process.on('disconnect', () => process.exit(0))

/** The decoder, including its native code, is loaded only after the network is disabled. */
const full = import('../full/inspect.ts')

let trustPem: string | null = null
let pendingRead: PromiseWithResolvers<Uint8Array> | null = null

const send = (message: FromChild): void => {
  process.send?.(message)
}

function requestBytes(offset: number, length: number): Promise<Uint8Array> {
  pendingRead = Promise.withResolvers()
  send({ kind: 'read', offset, length })
  return pendingRead.promise
}

async function run({ size, bytes, upload, limits }: Extract<ToChild, { kind: 'inspect' }>): Promise<void> {
  try {
    const { inspect } = await full
    const source = bytes === null ? remoteSource(size, requestBytes) : bytesInMemory(bytes)
    const withTrust = { ...limits, provenance: { ...limits.provenance, trustPem } }
    const inspection = await inspect(source, upload, withTrust, () => send({ kind: 'progress' }))
    send({ kind: 'verdict', inspection, rssBytes: process.memoryUsage.rss() })
  } catch (error) {
    send({ kind: 'failed', fault: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}

process.on('message', (message: ToChild) => {
  switch (message.kind) {
    case 'trust':
      trustPem = message.pem
      return
    case 'inspect':
      void run(message)
      return
    case 'bytes':
      pendingRead?.resolve(message.bytes)
      return
    case 'no bytes':
      pendingRead?.reject(new Error('the source failed'))
      return
    default:
      throw new Error(`unknown message: ${JSON.stringify(message satisfies never)}`)
  }
})

await full
send({ kind: 'ready' })
