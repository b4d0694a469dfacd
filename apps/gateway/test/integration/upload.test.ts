import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { acceptedIds, Client, logo, photo, sample, scene, startGateway, test } from '../gateway.ts'
import { open } from '../raw.ts'

const project = '0190a000-0000-7000-8000-000000000001'

test('a picture is accepted, stored in quarantine, and enqueued', async ({ gateway, client }) => {
  const file = await photo('Harbour at dusk.jpg')

  const { status, body } = await client.pictures(file)

  expect(status).toBe(202)
  expect(body.rejected).toEqual([])
  expect(body.uploads).toEqual([
    {
      index: 0,
      upload_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      job_id: body.uploads[0].upload_id,
      status: 'queued',
      status_url: `/api/jobs/${body.uploads[0].upload_id}`,
      filename: 'Harbour at dusk.jpg',
      asset_type: 'brand_image',
      size_bytes: file.bytes.byteLength,
      mime_type: 'image/jpeg',
      content_hash: createHash('sha256').update(file.bytes).digest('hex'),
      created_at: expect.stringMatching(/Z$/),
    },
  ])
  expect(await gateway.bucket.keys(`quarantine/${body.uploads[0].upload_id}`)).toHaveLength(1)
  expect(await gateway.jobQueue.ensureEnqueued('images', { uploadId: body.uploads[0].upload_id })).toBe(false)
})

test('fields may be before, between or after the files', async ({ client }) => {
  const after = await client.uploads(await photo(), ['asset_type', 'brand_image'])
  const between = await client.uploads(await scene(), ['asset_type', 'generated_video'], await scene('scene-02.mp4'), [
    'project_id',
    project,
  ])

  expect(after.status).toBe(202)
  expect(between.status).toBe(202)
  expect(between.body.uploads.map(({ filename }: { filename: string }) => filename)).toEqual(['scene-01.mp4', 'scene-02.mp4'])
})

test('a file whose kind follows it is checked by that kind', async ({ client }) => {
  const { status, body } = await client.uploads(await scene(), await photo(), ['asset_type', 'brand_image'])

  expect(status).toBe(202)
  expect(body.uploads).toHaveLength(1)
  expect(body.rejected).toMatchObject([{ index: 0, filename: 'scene-01.mp4', code: 'extension_not_allowed' }])
})

test('ten files of one form get separate ids, in the order of the form', async ({ client }) => {
  const names = Array.from({ length: 10 }, (_, i) => `photo ${i}.jpg`)

  const { status, body } = await client.pictures(...(await Promise.all(names.map((name) => photo(name)))))

  expect(status).toBe(202)
  expect(body.uploads).toMatchObject(names.map((filename, index) => ({ index, filename })))
  expect(new Set(body.uploads.map(({ upload_id }: { upload_id: string }) => upload_id)).size).toBe(10)
})

test('only the bad file is refused, at its index, and the others are accepted', async ({ client }) => {
  const { status, body } = await client.pictures(await photo('a.jpg'), { name: 'b.png', bytes: new Uint8Array() }, await logo('c.png'), {
    name: 'd.exe',
    bytes: await sample('good/logo.png'),
  })

  expect(status).toBe(202)
  expect(body.uploads).toMatchObject([
    { index: 0, filename: 'a.jpg' },
    { index: 2, filename: 'c.png' },
  ])
  expect(body.rejected).toMatchObject([
    { index: 1, filename: 'b.png', code: 'empty_file', detail: "File 'b.png' has 0 bytes." },
    { index: 3, filename: 'd.exe', code: 'extension_not_allowed' },
  ])
})

test('names in any script, with quotes, percent signs and emoji, are kept', async ({ client }) => {
  const names = ['Grüße "vom" Müggelsee.jpg', 'صورة.jpg', '写真 100%.jpg', "it's #1 🎉.JPG", `${'ä'.repeat(251)}.jpg`]

  const { status, body } = await client.pictures(...(await Promise.all(names.map((name) => photo(name)))))

  expect(status).toBe(202)
  expect(body.uploads).toMatchObject(names.map((filename, index) => ({ index, filename })))
})

test('a file without a declared type is accepted by its name and content', async ({ gateway, client }) => {
  const head =
    '--cut\r\nContent-Disposition: form-data; name="asset_type"\r\n\r\nbrand_image\r\n--cut\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
  const body = Buffer.concat([Buffer.from(head), (await photo()).bytes, Buffer.from('\r\n--cut--\r\n')])
  const headers = { ...(await client.headers()), 'content-type': 'multipart/form-data; boundary=cut' }

  const { status } = await fetch(`${gateway.url}/api/upload`, { method: 'POST', headers, body })

  expect(status).toBe(202)
})

test('only the last part of a name with a path is used', async ({ client }) => {
  const { body } = await client.pictures(await photo('../../etc/x.jpg'), await photo('C:\\Users\\me\\y.jpg'))

  expect(body.uploads.map(({ filename }: { filename: string }) => filename)).toEqual(['x.jpg', 'y.jpg'])
})

test('twenty concurrent users get only their own files', async ({ gateway }) => {
  const users = Array.from({ length: 20 }, () => new Client(gateway.url))

  const answers = await Promise.all(
    users.map(async (user, i) => user.pictures({ ...(await photo(`user-${i}.jpg`)) }, await logo(`user-${i}.png`))),
  )

  for (const [i, answer] of answers.entries()) {
    expect(answer.status).toBe(202)
    for (const id of acceptedIds(answer)) {
      const record = await gateway.database.uploads.byId(id)
      expect(record?.userId).toBe(users[i]?.id)
      expect(record?.filename).toContain(`user-${i}.`)
    }
  }
  expect(new Set(answers.flatMap(acceptedIds)).size).toBe(40)
})

test('every file has a log line with user, name, size and result', async ({ gateway, client }) => {
  await client.pictures(await photo('logged.jpg'), { name: 'logged.gif', bytes: await sample('good/logo.png') })

  const lines = gateway.log.filter(({ filename }) => typeof filename === 'string' && filename.startsWith('logged'))
  expect(lines).toContainEqual(
    expect.objectContaining({
      msg: 'upload accepted',
      filename: 'logged.jpg',
      userId: client.id,
      sizeBytes: expect.any(Number),
      requestId: expect.any(String),
    }),
  )
  expect(lines).toContainEqual(
    expect.objectContaining({ msg: 'file refused', filename: 'logged.gif', code: 'extension_not_allowed', userId: client.id }),
  )
  expect(JSON.stringify(gateway.log)).not.toContain(await client.token())
})

test('a file that is being received has a permit, and releases it if its client disconnects', async () => {
  const gateway = await startGateway({ maxFilesInFlight: 1 })
  try {
    const [slow, next] = [new Client(gateway.url), new Client(gateway.url)]
    const head = `--cut\r\nContent-Disposition: form-data; name="files"; filename="slow.jpg"\r\n\r\n`
    const socket = await open(gateway.url)
    socket.write(
      `POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await slow.token()}\r\nContent-Type: multipart/form-data; boundary=cut\r\nContent-Length: 1000000\r\n\r\n${head}`,
    )
    socket.write((await photo()).bytes.subarray(0, 8000))
    await expect.poll(() => gateway.asked.s3).toBe(1)

    let answered = false
    const sending = next.pictures(await photo()).finally(() => {
      answered = true
    })
    await expect.poll(async () => (await gateway.uploads(next.id)).at(0)?.state).toBe('receiving')
    expect(answered).toBe(false)
    socket.destroy()
    expect((await sending).status).toBe(202)
    await gateway.leavesNothing()
  } finally {
    await gateway.close()
  }
})
