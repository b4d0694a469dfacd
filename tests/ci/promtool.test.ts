import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'vitest'

const folder = fileURLToPath(new URL('../../deploy/prometheus/', import.meta.url))
const isMissing = spawnSync('promtool', ['--version']).error !== undefined

// It needs about ten seconds of CPU time.
test.for([
  ['check', 'rules', '--lint=all', '--lint-fatal', 'alerts.yaml'],
  ['check', 'config', 'prometheus.yaml'],
  ['test', 'rules', 'alerts.test.yaml'],
])('promtool %s %s succeeds', { timeout: 180_000 }, async (args, { expect, skip }) => {
  skip(isMissing, "promtool is missing: it is in Debian's package prometheus")
  await expect(promisify(execFile)('promtool', args, { cwd: folder })).resolves.toBeDefined()
})
