import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freePort, freePorts, storePort } from '../../src/free-ports.ts'
import { StackFile } from '../../src/stack-file.ts'

test('ten ports are different, and below the range of outgoing connections', async () => {
  const ports = await freePorts(10)
  expect(new Set(ports).size).toBe(10)
  expect(Math.max(...ports)).toBeLessThan(32_768)
})

/** A data folder whose store has run at this port. */
function storeAt(port: number): StackFile {
  const folder = mkdtempSync(join(tmpdir(), 'a stack '))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = new StackFile(folder)
  file.server('s3', { kind: 'seaweedfs', url: `http://127.0.0.1:${port}` }, {})
  file.release()
  return file
}

/** Outside of the range of freePort, which does not give a port again for some time. */
const unusedPort = async () => (await freePort()) - 10_000

test('the store has the same port at each start', async () => {
  const port = await unusedPort()
  const output: string[] = []

  expect(await storePort({ file: storeAt(port), say: (line) => output.push(line) })).toBe(port)

  expect(output).toEqual([])
})

test('a port that another program has taken is reported, and used again when it is free', async () => {
  const port = await unusedPort()
  const file = storeAt(port)
  const other = createServer().listen(port, '127.0.0.1')
  await once(other, 'listening')
  onTestFinished(() => void other.close())
  const output: string[] = []

  const during = await storePort({ file, say: (line) => output.push(line) })
  file.server('s3', { kind: 'seaweedfs', url: `http://127.0.0.1:${during}` }, {})

  expect(during).not.toBe(port)
  expect(output).toEqual([
    `Port ${port} of the object store is in use by another program, so presigned URLs of earlier runs do not work during this one`,
  ])
  expect(file.record.data.s3?.port).toBe(port)
})
