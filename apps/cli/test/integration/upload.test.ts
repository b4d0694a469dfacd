import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dot, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { jsonLines, project, test } from '../airlock-user.ts'

test('files, folders and patterns become assets, each with a line, and nothing else is on standard output', async ({ user, worker: _ }) => {
  writeFileSync(join(user.folder, 'photos/notes.txt'), 'x')
  const { code, stdout, stderr } = await user.run(['upload', 'a.png', 'photos', '**/*.png'])

  expect(stdout.trim().split('\n').toSorted()).toEqual([
    expect.stringMatching(/^✓ a\.png {2}brand-images\/\S+_a\.png$/),
    expect.stringMatching(/^✓ photos\/b\.png {2}brand-images\/\S+_b\.png$/),
    expect.stringMatching(/^✓ photos\/deep\/c\.jpg {2}brand-images\/\S+_c\.jpg$/),
  ])
  expect(stderr).toContain('Skipped 1 file of other kinds: photos/notes.txt.')
  expect(stderr).toMatch(/^Uploading 3 pictures \(brand_image\), by extension, \S+ \S+, to http/m)
  expect(stderr).toMatch(/\n3 of 3 files are assets\.\n$/)
  expect(stdout + stderr).not.toContain('\u001b')
  expect(code).toBe(0)

  const list = await user.run(['assets', 'list'])
  expect(list.stdout.trim().split('\n')).toHaveLength(3)
})

test('refused, missing and unreadable files make the exit code 1, and the others are uploaded', async ({ user, worker: _ }) => {
  writeFileSync(join(user.folder, 'empty.png'), '')
  writeFileSync(join(user.folder, 'note.png'), 'not a picture')
  const files = ['a.png', 'empty.png', 'note.png', 'missing.png', 'x*.png', 'clip.mov']
  writeFileSync(join(user.folder, 'clip.mov'), 'x')
  const { code, stdout, stderr } = await user.run(['upload', '--json', '--metadata', 'order=4711', ...files])

  expect(code).toBe(1)
  expect(stderr).toBe('1 of 6 files is an asset, 2 were refused, 3 were not found or not readable.\n')
  const lines = Object.fromEntries(jsonLines(stdout).map((line) => [line.file, line]))
  expect(lines['a.png']).toMatchObject({ status: 'completed', asset_type: 'brand_image', size_bytes: dot.bytes.length })
  expect(lines['a.png']).toMatchObject({ key: expect.stringContaining('brand-images/'), job_id: expect.any(String) })
  expect(lines['empty.png']).toMatchObject({ status: 'failed', code: 'empty_file', may_pass: false })
  expect(lines['note.png']).toMatchObject({ status: 'failed', code: expect.any(String), detail: expect.stringContaining("'note.png'") })
  expect(lines['missing.png']).toMatchObject({ code: 'no_files', detail: "'missing.png' does not exist." })
  expect(lines['x*.png']).toMatchObject({ code: 'no_files' })
  expect(lines['clip.mov']).toMatchObject({ code: 'extension_not_allowed' })
  const [asset] = jsonLines((await user.run(['assets', 'list', '--json'])).stdout)
  expect(asset).toMatchObject({ original_filename: 'a.png', metadata: { order: '4711' } })

  // a second run repeats what failed, and finds that the first file is an asset
  writeFileSync(join(user.folder, 'note.png'), dot.bytes)
  const again = await user.run(['upload', '--metadata', 'order=4711', 'a.png', 'note.png'])
  expect(again.stderr).toContain('Continuing an earlier run, which finished 1 file.')
  expect(again.stdout).toContain('✓ a.png')
  expect(again.stdout).toContain('(by an earlier run)')
  expect(again.code).toBe(0)
  expect(jsonLines((await user.run(['assets', 'list', '--json'])).stdout)).toHaveLength(2)

  // which has ended with success: the next one begins anew
  expect((await user.run(['upload', '--metadata', 'order=4711', 'a.png'])).stdout).not.toContain('earlier run')
})

test('a video needs its project, a wrong token and a missing server are told at once', async ({ user, worker: _ }) => {
  writeFileSync(join(user.folder, 'scene.mp4'), samples.scene.bytes)
  expect(await user.run(['upload', 'scene.mp4'])).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining("Error: 'scene.mp4' is a video, which needs --project with the id of its project.\n"),
  })
  expect((await user.run(['upload', 'scene.mp4', '--project', project])).stdout).toMatch(/^✓ scene\.mp4 {2}generated-videos\//)
  expect(await user.run(['upload', 'a.png'], { AIRLOCK_TOKEN: 'wrong' })).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^Error: .+ Get a new token, store it with 'airlock login', and run the same command again\.\n$/),
  })
  expect(await user.run(['upload', 'a.png'], { AIRLOCK_URL: 'http://127.0.0.1:47999' })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('http://127.0.0.1:47999 does not respond: the connection was refused. Is this the right address?'),
  })
})

test('without waiting, files are accepted, and their jobs are watched to the end', async ({ gateway, client, user }) => {
  const { code, stdout, stderr } = await user.run(['upload', '--no-wait', 'a.png', 'photos/b.png'])
  expect(stdout).toMatch(/^(✓ \S+ {2}accepted as job [\da-f-]{36}\n){2}$/)
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('2 of 2 files were accepted.') })
  expect((await user.run(['jobs'])).stdout).toMatch(/^([\da-f-]{36} {2}queued .*\n){2}$/)

  const watching = user.start(['jobs', '--watch'])
  await watching.says(/queued {2}(a|b)\.png[\s\S]*queued {2}(a|b)\.png/)
  for (const { id } of await gateway.uploads(client.id)) await gateway.promotes(id)
  const ended = await watching.ended
  expect(ended.stdout).toMatch(/^(✓ [\da-f-]{36} {2}[ab]\.png {2}asset [\da-f-]{36}\n){2}$/)
  expect(ended).toMatchObject({ code: 0, stderr: expect.stringContaining('2 of 2 jobs are completed.') })
})
