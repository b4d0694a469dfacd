import type { FromChild, ToChild } from './messages.ts'
import { withoutNetwork } from './no-network.ts'
import { remoteSource } from './remote-source.ts'

/** The program of an inspector process: reads the files that its parent names, one after the other. Started by `OneInspector` alone. */

withoutNetwork()
process.on('disconnect', () => process.exit(0))

/** The decoder, its native code included, is loaded only now that the guards stand. */
const full = import('../full/inspect.ts')

let waiting: PromiseWithResolvers<Uint8Array> | null = null

const tell = (message: FromChild): void => {
  process.send?.(message)
}

function ask(offset: number, length: number): Promise<Uint8Array> {
  waiting = Promise.withResolvers()
  tell({ kind: 'read', offset, length })
  return waiting.promise
}

async function run({ size, upload, limits }: Extract<ToChild, { kind: 'inspect' }>): Promise<void> {
  try {
    const { inspect } = await full
    const inspection = await inspect(remoteSource(size, ask), upload, limits, () => tell({ kind: 'progress' }))
    tell({ kind: 'verdict', inspection, rssBytes: process.memoryUsage.rss() })
  } catch (error) {
    tell({ kind: 'failed', fault: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}

process.on('message', (message: ToChild) => {
  switch (message.kind) {
    case 'inspect':
      void run(message)
      return
    case 'bytes':
      waiting?.resolve(message.bytes)
      return
    case 'no bytes':
      waiting?.reject(new Error('the source failed'))
      return
    default:
      throw new Error(`no such message: ${JSON.stringify(message satisfies never)}`)
  }
})

await full
tell({ kind: 'ready' })
