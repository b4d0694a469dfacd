import { expect, test } from 'vitest'
import { runPhases, type ShutdownPhase } from '../../src/service.ts'

/** Records the order of events and log entries. */
function recorder() {
  const events: string[] = []
  const line = (level: string) => (fields: { phase?: string }, message: string) => {
    events.push(`${level} ${fields.phase}: ${message}`)
  }
  const phase = (name: string, run: () => Promise<unknown> = async () => {}): ShutdownPhase => ({
    name,
    limitMs: 50,
    run: () => {
      events.push(name)
      return run()
    },
    abort: () => events.push(`${name} is aborted`),
  })
  return { events, phase, log: { info: line('info'), warn: line('warn'), error: line('error') } }
}

test('phases run in sequence', async () => {
  const { events, phase, log } = recorder()
  const slow = phase('finish', async () => {
    await new Promise((resolve) => setTimeout(resolve, 10))
    events.push('finished')
  })

  await runPhases([slow, phase('close')], log)

  expect(events).toEqual(['finish', 'finished', 'info finish: shutdown phase done', 'close', 'info close: shutdown phase done'])
})

test('a phase that exceeds its timeout is logged, the next one begins, and its late result is logged too', async () => {
  const { events, phase, log } = recorder()
  const left = Promise.withResolvers<void>()

  await runPhases([phase('finish', () => left.promise), phase('close')], log)
  left.reject(new Error('connection lost'))
  await new Promise((resolve) => setImmediate(resolve))

  expect(events).toEqual([
    'finish',
    'warn finish: shutdown phase took too long, the next one begins',
    'finish is aborted',
    'close',
    'info close: shutdown phase done',
    'warn finish: remaining work of a shutdown phase failed',
  ])
})

test('a phase that fails is logged, and the next one begins', async () => {
  const { events, phase, log } = recorder()
  const atOnce = phase('flush', () => {
    throw new Error('no')
  })
  const later = phase('finish', async () => {
    throw new Error('no')
  })

  await runPhases([later, atOnce, phase('close')], log)

  expect(events).toEqual([
    'finish',
    'error finish: shutdown phase failed, the next one begins',
    'flush',
    'error flush: shutdown phase failed, the next one begins',
    'close',
    'info close: shutdown phase done',
  ])
})
