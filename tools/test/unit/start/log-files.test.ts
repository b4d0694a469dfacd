import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '@airlock/dev-servers'
import { expect, onTestFinished, test } from 'vitest'
import { boundLogs } from '../../../start/log-files.ts'

test('a log that grows too large is emptied, and its last contents are kept beside it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'logs '))
  const [large, small] = [join(folder, 'worker.log'), join(folder, 'gateway.log')]
  writeFileSync(large, 'x'.repeat(101))
  writeFileSync(small, 'y')

  const stop = boundLogs(folder, { maxBytes: 100, everyMs: 5 })
  onTestFinished(() => {
    stop()
    rmSync(folder, { recursive: true })
  })

  expect([large, `${large}.old`, small].map((file) => readFileSync(file, 'utf8').length)).toEqual([0, 101, 1])
  appendFileSync(large, 'z'.repeat(102))
  await waitFor(() => readFileSync(`${large}.old`, 'utf8').startsWith('z'), { what: 'the next time' })
})
