import { randomUUID } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tokenFor } from '@airlock/testkit'
import { samples } from '@airlock/testkit/samples'
import { test as base, expect, onTestFinished } from 'vitest'
import { root } from '../../../../tests/npm-start.ts'
import { jwtSecret, startServices } from '../../../../tests/services.ts'
import {
  type Commands,
  cancelCommands,
  deleteCommands,
  eventCommands,
  followCommands,
  listCommands,
  setup,
  uploadCommands,
  urlCommands,
} from '../../src/commands.ts'
import { run } from './site.ts'

/** Runs the commands that the page shows, as they are. */

const test = base.extend('url', { scope: 'file' }, async ({ task: _ }: { task?: unknown }, { onCleanup }) => {
  const services = await startServices({ DIRECT_PART_BYTES: '5242880' })
  onCleanup(() => services.close())
  return services.gateway.url
})

/** A folder with the file, and with what the commands use of the repository. */
function folderWith(name: string, bytes: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-try-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  cpSync(join(root, 'examples/direct-upload'), join(folder, 'examples/direct-upload'), { recursive: true })
  writeFileSync(join(folder, name), bytes)
  return folder
}

/** The first line of `setup` calls npm, which needs the repository; its token is the same as this one. */
async function shell(folder: string, url: string, userId: string, { curl }: Commands): Promise<string> {
  const env = { ...process.env, AIRLOCK: url, TOKEN: tokenFor(userId, jwtSecret) }
  return (await run('sh', ['-c', curl], { cwd: folder, env })).stdout
}

async function program(folder: string, url: string, userId: string, { js }: Commands, result: string): Promise<string> {
  const file = join(folder, `${randomUUID()}.mjs`)
  writeFileSync(file, `${setup(url, userId).js}\n${js}\nconsole.log(JSON.stringify(${result}))`)
  const env = { ...process.env, TOKEN: tokenFor(userId, jwtSecret) }
  return (await run(process.execPath, [file], { cwd: folder, env })).stdout
}

const names = ['it\'s a; "b", $HOME `e` & <f>.png', '-option.png', '@Grüße 1 (2).png']

test.for(names)('a file named %s is uploaded by both', async (name, { url }) => {
  const userId = randomUUID()
  const folder = folderWith(name, samples.logo.bytes)
  const commands = uploadCommands({ path: name, sizeBytes: samples.logo.bytes.length, kind: 'brand_image' })
  expect(JSON.parse(await shell(folder, url, userId, commands))).toMatchObject({ uploads: [{ filename: name }] })
  expect(JSON.parse(await program(folder, url, userId, commands, 'asset'))).toMatchObject({ original_filename: name })
})

test('the commands for an upload and its asset do what the page does', async ({ url }) => {
  const userId = randomUUID()
  const projectId = randomUUID()
  const folder = folderWith('scene.mp4', samples.scene.bytes)
  const sh = (commands: Commands) => shell(folder, url, userId, commands)
  const js = (commands: Commands, result = 'null') => program(folder, url, userId, commands, result)
  const upload = uploadCommands({ path: 'scene.mp4', sizeBytes: samples.scene.bytes.length, kind: 'generated_video', projectId })
  const { job_id } = JSON.parse(await sh(upload)).uploads[0]
  expect(await js(followCommands(job_id))).toContain('completed')
  expect(await sh(followCommands(job_id))).toContain('"status":"completed"')
  expect(JSON.parse(await sh(cancelCommands(job_id)))).toMatchObject({ code: 'already_completed' })
  await expect(js(cancelCommands(job_id))).rejects.toThrow('already_completed')

  const [first] = JSON.parse(await sh(listCommands(12))).assets
  expect(first).toMatchObject({ project_id: projectId })
  expect(JSON.parse(await js(listCommands(12), 'assets'))).toEqual([first])
  expect(JSON.parse(await sh(urlCommands(first.asset_id)))).toHaveProperty('presigned_url')
  expect(JSON.parse(await js(urlCommands(first.asset_id), 'presigned_url'))).toMatch(/^http/)
  await js(deleteCommands(first.asset_id))
  expect(JSON.parse(await sh(deleteCommands(first.asset_id)))).toMatchObject({ code: 'asset_not_found' })
})

test('a large file goes straight to the bucket by a script, which continues it', async ({ url }) => {
  const folder = folderWith("boat's scene.mp4", samples.scene.bytes)
  const upload = uploadCommands({ path: "boat's scene.mp4", sizeBytes: 17 * 2 ** 20, kind: 'generated_video', projectId: randomUUID() })
  expect(upload.curl).toContain('examples/direct-upload/upload.sh')
  expect(await shell(folder, url, randomUUID(), upload)).toContain('"status": "completed"')
})

test('the commands for a token and for events print them', async ({ url }) => {
  const userId = randomUUID()
  const env = { ...process.env, JWT_SECRET: jwtSecret, AIRLOCK_ENV_FILE: '' }
  const curl = eventCommands(userId).curl.replace('wait=25', 'wait=0')
  const { stdout } = await run('sh', ['-c', `${setup(url, userId).curl}\necho "$AIRLOCK $TOKEN"\n${curl}`], { cwd: root, env })
  const [first = '', rest = ''] = stdout.split('\n')
  expect(first).toMatch(new RegExp(`^${url} ey\\S+$`))
  expect(JSON.parse(rest)).toEqual({ events: [], next: expect.any(String) })
})
