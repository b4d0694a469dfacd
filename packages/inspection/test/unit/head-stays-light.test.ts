import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const loadedBy = async (entry: string): Promise<string[]> => {
  const script = `await import('@airlock/inspection/${entry}'); console.log(JSON.stringify(process.report.getReport().sharedObjects))`
  const cwd = fileURLToPath(new URL('../../', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd })
  return JSON.parse(stdout).filter((path: string) => /sharp|vips/.test(path))
}

test('importing the head does not load an image decoder', { timeout: 30_000 }, async () => {
  expect(await loadedBy('head')).toEqual([])
  expect(await loadedBy('full')).not.toEqual([])
})
