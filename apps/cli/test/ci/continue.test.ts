import { statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { waitFor } from '@airlock/testkit'
import { largeScene } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { partPut, putsOf } from '../../../../packages/client/test/real-gateway.ts'
import { project, test } from '../airlock-user.ts'

test.for([
  ['Ctrl-C', 'SIGINT', 130],
  ['kill -9', 'SIGKILL', null],
] as const)(
  'after %s the same command continues, and sends no part and no file again',
  async ([, signal, exitCode], { gateway, client, linked, user, worker: _ }) => {
    writeFileSync(join(user.folder, 'long.mp4'), largeScene(17 * 2 ** 20).bytes)
    user.env.AIRLOCK_URL = linked.url
    const command = ['upload', 'a.png', 'long.mp4', '--project', project]
    // a file of more than 16 MiB goes straight to the bucket; this one has four parts of 5 MiB
    linked.link.fails({ request: partPut(3), kind: 'silence', times: 1 })
    const first = user.start(command)
    await waitFor(async () => putsOf(linked.link).length === 4, { what: 'four parts', timeoutMs: 30_000 })
    await waitFor(async () => (await gateway.uploads(client.id)).some(({ state }) => state === 'completed'), { what: 'the first asset' })
    await new Promise((resolve) => setTimeout(resolve, 500))
    first.process.kill(signal)
    const stopped = await first.ended
    expect(stopped.code).toBe(exitCode)
    if (signal === 'SIGINT') {
      expect(stopped.stderr).toContain('Stopped. 1 of 2 files is an asset, 1 was interrupted.\n')
      expect(stopped.stderr).toContain('The same command continues where this one ended.\n')
    }

    const before = putsOf(linked.link).length
    const second = await user.run(command)

    expect(second.stderr).toContain('Continuing an earlier run, which finished 1 file and began 1 file.')
    expect(second).toMatchObject({ code: 0, stderr: expect.stringContaining('2 of 2 files are assets.') })
    expect(putsOf(linked.link).slice(before)).toEqual([3])
    expect((await gateway.uploads(client.id)).map(({ state }) => state)).toEqual(['completed', 'completed'])
  },
)

test('a file that changed between two runs is uploaded anew', async ({ user, worker: _ }) => {
  const path = join(user.folder, 'a.png')
  await user.run(['upload', 'a.png', 'missing.png'])
  utimesSync(path, new Date(), new Date(statSync(path).mtimeMs + 1000))
  const again = await user.run(['upload', 'a.png'])
  expect(again.stdout).toMatch(/^✓ a\.png/)
  expect(again.stdout).not.toContain('earlier run')
})
