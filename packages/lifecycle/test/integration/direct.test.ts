import { DatabaseUnavailable, type UploadRecord } from '@airlock/database'
import { MiB } from '@airlock/domain'
import { type PresignedWrite, StoreUnavailable } from '@airlock/storage'
import { dot, type Sample, samples } from '@airlock/testkit/samples'
import { describe, expect } from 'vitest'
import {
  abortDirect,
  type CompletedDirect,
  completeDirect,
  type DirectFile,
  type DirectSender,
  listDirectParts,
  type OpenedDirect,
  openDirect,
  signDirectParts,
} from '../../src/index.ts'
import { type Airlock, test as base, formOf } from '../airlock.ts'
import { Mortal } from '../mortal.ts'

/** A client of the direct door, and the gateway that serves it. */
class DirectDoor {
  readonly airlock: Airlock
  writesOnce = true

  constructor(airlock: Airlock) {
    this.airlock = airlock
  }

  get deps() {
    const { uploads, store, counter, log, world } = this.airlock
    const writesOnce = async () => this.writesOnce
    return { uploads, store, counter, log, jobQueue: world.jobQueue, sizeLimits: limits, writesOnce }
  }

  open(sample: Sample, given: Partial<DirectFile & DirectSender> = {}, deps = this.deps): Promise<OpenedDirect> {
    const { filename, declaredType } = sample
    const file = { filename, declaredType, sizeBytes: sample.bytes.length, expectedHash: null, ...given }
    return openDirect(file, { ...senderOf(this.airlock, sample), ...given }, deps)
  }

  /** In parts, however small. */
  openInParts(sample: Sample, given: Partial<DirectFile & DirectSender> = {}, deps = this.deps): Promise<OpenedDirect> {
    return this.open(sample, { putMaxBytes: 0, ...given }, deps)
  }

  async direct({ uploadId }: { uploadId: string }) {
    const direct = await this.airlock.uploads.direct(uploadId)
    if (direct === null) throw new Error(`there is no direct upload ${uploadId}`)
    return direct
  }

  async urls(opened: OpenedDirect, numbers: number[]) {
    return signDirectParts(await this.direct(opened), numbers, { urlSeconds: 60 }, this.deps)
  }

  /** Sends the parts with these numbers; without any, all. */
  async send(opened: OpenedDirect, { bytes }: Pick<Sample, 'bytes'>, numbers?: number[]): Promise<void> {
    const { sizes } = await this.parts(opened)
    const all = Array.from({ length: Math.ceil(sizes.sizeBytes / sizes.partBytes) }, (_, i) => i + 1)
    for (const { number, sizeBytes, ...write } of await this.urls(opened, numbers ?? all)) {
      const from = (number - 1) * sizes.partBytes
      expect(await put(write, bytes.subarray(from, from + sizeBytes))).toBe(200)
    }
  }

  async parts(opened: OpenedDirect) {
    return listDirectParts(await this.direct(opened), this.deps)
  }

  async complete(opened: OpenedDirect, deps = this.deps): Promise<CompletedDirect> {
    return completeDirect(await this.direct(opened), 'request-2', deps)
  }

  async abort(opened: OpenedDirect) {
    return abortDirect((await this.direct(opened)).upload, this.deps)
  }

  async expire({ uploadId }: OpenedDirect): Promise<void> {
    await this.airlock.world.sql.query(`update uploads set expires_at = now() - interval '1 ms' where id = $1`, [uploadId])
  }

  row({ uploadId }: OpenedDirect): Promise<UploadRecord> {
    return this.airlock.of({ id: uploadId })
  }
}

const limits = { brand_image: 100 * MiB, generated_video: 100 * MiB, lora_training: 100 * MiB }

const senderOf = ({ userId }: Airlock, sample: Sample): DirectSender => ({
  ...formOf(sample),
  userId,
  actedBy: null,
  filesPerHour: 1000,
  sizeLimits: limits,
  openUploadsPerUser: 10,
  openBytesPerUser: 1024 * MiB,
  openSeconds: 3600,
  urlSeconds: 60,
  partBytes: 5 * MiB,
  putMaxBytes: 10 * MiB,
})

async function put({ url, headers }: Pick<PresignedWrite, 'url' | 'headers'>, bytes: Buffer): Promise<number> {
  const response = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) })
  await response.arrayBuffer()
  return response.status
}

/** A valid picture of 12 MiB: a PNG may have chunks that no program reads. */
function largePicture(): Sample {
  return { ...samples.photo, bytes: Buffer.concat([samples.photo.bytes, Buffer.alloc(12 * MiB)]) }
}

const test = base.extend('door', ({ airlock }) => new DirectDoor(airlock))

describe('a client that behaves', () => {
  test('sends a small file in one PUT; it becomes an asset with its hash', async ({ airlock, door }) => {
    const opened = await door.open(samples.photo)
    if (!('put' in opened.sending)) throw new Error('not one PUT')
    expect(await put(opened.sending.put, samples.photo.bytes)).toBe(200)

    const { upload, isNew } = await door.complete(opened)

    expect(isNew).toBe(true)
    expect(upload).toMatchObject({ state: 'received', door: 'direct', contentHash: null, sizeBytes: samples.photo.bytes.length })
    expect(await airlock.enqueuedIds('images')).toEqual([upload.id])
    expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
    const [asset] = await airlock.assetsOf(upload)
    expect(asset).toMatchObject({ sizeBytes: samples.photo.bytes.length, metadata: { source: 'direct' } })
    expect(await airlock.bytesAt(asset?.s3Key ?? '')).toEqual(samples.photo.bytes)
  })

  test('sends a large file in parts, and resumes with those that are missing', async ({ airlock, door }) => {
    const file = largePicture()
    const opened = await door.openInParts(file)
    expect(opened.sending).toEqual({ partBytes: 5 * MiB, partCount: 3 })
    await door.send(opened, file, [2])
    await expect(door.complete(opened)).rejects.toMatchObject({
      code: 'upload_incomplete',
      detail: expect.stringContaining('not in full: 1, 3.'),
    })
    expect((await door.parts(opened)).parts).toMatchObject([{ number: 2, sizeBytes: 5 * MiB }])
    expect(await airlock.openMultipartUploads()).toHaveLength(1)

    await door.send(opened, file, [1, 3])
    const { upload } = await door.complete(opened)

    expect(await airlock.openMultipartUploads()).toEqual([])
    expect(file.bytes.equals(await airlock.bytesAt(upload.quarantineKey))).toBe(true)
    await airlock.worker().process(upload) // rejected: there are bytes after the end of the picture
  })

  test('gets the same answer when it completes again, at once and after the verdict', async ({ airlock, door }) => {
    const opened = await door.openInParts(dot)
    await door.send(opened, dot)
    const answers = await Promise.all([door.complete(opened), door.complete(opened), door.complete(opened)])
    expect(answers.filter(({ isNew }) => isNew)).toHaveLength(1)
    expect(new Set(answers.map(({ upload }) => `${upload.id} ${upload.state} ${upload.finalKey}`)).size).toBe(1)

    await airlock.worker().process({ id: opened.uploadId })
    expect(await door.complete(opened)).toMatchObject({ isNew: false, upload: { state: 'completed' } })
    expect((await door.parts(opened)).parts).toEqual([{ number: 1, sizeBytes: dot.bytes.length, etag: null }])
  })

  test('may send the whole file again with a new URL, but only before it is stored', async ({ airlock, door }) => {
    const opened = await door.open(dot)
    expect((await door.parts(opened)).parts).toEqual([])
    await door.send(opened, dot)
    expect((await door.parts(opened)).parts).toMatchObject([{ number: 1 }])
    const [again] = await door.urls(opened, [1])
    expect(await put(again as PresignedWrite, dot.bytes)).toBe(412)
    const { upload } = await door.complete(opened)
    await airlock.worker().process(upload)
  })

  test('aborts: nothing is left, and nothing can be added', async ({ airlock, door }) => {
    const opened = await door.openInParts(dot)
    const [url] = await door.urls(opened, [1])
    await door.send(opened, dot)
    expect(await door.abort(opened)).toBeNull()
    expect(await door.abort(opened)).toBeNull()
    expect(await put(url as PresignedWrite, dot.bytes)).toBe(404)
    await expect(door.urls(opened, [1])).rejects.toMatchObject({ code: 'cancelled' })
    await expect(door.complete(opened)).rejects.toMatchObject({ code: 'cancelled' })
    expect(await airlock.quarantine()).toEqual([])
  })

  test('aborts while another call completes or aborts it: the row decides', async ({ airlock, door }) => {
    const [completed, aborted] = [await door.openInParts(dot), await door.openInParts(dot)]
    const stale = await Promise.all([completed, aborted].map((opened) => door.direct(opened)))
    await door.send(completed, dot)
    await door.complete(completed)
    await door.abort(aborted)
    const [first, second] = stale.map(({ upload }) => upload) as [UploadRecord, UploadRecord]
    expect(await abortDirect(first, door.deps)).toMatchObject({ cancelled: true })
    expect(await abortDirect(second, door.deps)).toBeNull()
    await airlock.sweeps()
  })

  test('aborts while the store is unavailable: the sweeper removes the parts later', async ({ airlock, door }) => {
    const opened = await door.openInParts(dot)
    await door.send(opened, dot)
    const { deps } = door
    const store = { ...deps.store, abandonReceives: () => Promise.reject(new StoreUnavailable('no response', null)) }
    expect(await abortDirect((await door.direct(opened)).upload, { ...deps, store })).toBeNull()
    expect((await door.row(opened)).state).toBe('abandoned')
    expect(await airlock.sweeps()).toMatchObject({ unfinished: 1 })
  })

  test('aborts after completing, which cancels the upload', async ({ airlock, door }) => {
    const opened = await door.openInParts(dot)
    await door.send(opened, dot)
    await door.complete(opened)
    expect(await door.abort(opened)).toMatchObject({ cancelled: true })
    expect((await door.row(opened)).state).toBe('rejected')
    await airlock.sweeps()
  })
})

describe('a client that lies', () => {
  test.for([
    ['type', { declaredType: 'image/gif' }, 'type_not_allowed'],
    ['name', { filename: 'photo.exe' }, 'extension_not_allowed'],
    ['size', { sizeBytes: 101 * MiB }, 'file_too_large'],
    ['emptiness', { sizeBytes: 0 }, 'empty_file'],
  ] as const)('about its $0 is refused before a row is written', async ([, lie, code], { airlock, door, expect }) => {
    await expect(door.open(samples.photo, lie)).rejects.toMatchObject({ code })
    expect(await airlock.rows()).toEqual([])
  })

  test('about the content is refused when it completes, and again', async ({ airlock, door }) => {
    const opened = await door.openInParts({ ...samples.photo, bytes: Buffer.from('<html>') })
    await door.send(opened, { bytes: Buffer.from('<html>') })
    for (const _ of [1, 2]) await expect(door.complete(opened)).rejects.toMatchObject({ code: 'type_mismatch' })
    expect(await door.row(opened)).toMatchObject({ state: 'abandoned', refusal: { code: 'type_mismatch' } })
    expect(await airlock.quarantine()).toEqual([])
  })

  test('about the hash is rejected by the worker', { meta: { id: 'direct-hash-compared' } }, async ({ airlock, door }) => {
    const opened = await door.openInParts(dot, { expectedHash: '0'.repeat(64) })
    await door.send(opened, dot)
    const { upload } = await door.complete(opened)
    expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'rejected', refusal: { code: 'digest_mismatch' } })
  })

  test('about the size is refused when it completes, even if the store took it', { meta: { id: 'direct-size-compared' } }, async ({
    airlock,
    door,
  }) => {
    const opened = await door.open(dot)
    await airlock.replaces(await door.row(opened), Buffer.alloc(100))
    for (const _ of [1, 2]) await expect(door.complete(opened)).rejects.toMatchObject({ code: 'size_mismatch' })
    expect(await airlock.quarantine()).toEqual([])
  })

  test.for([[[0]], [[2]], [[1, -1]]])('about part numbers %j gets no URL', async ([numbers], { door, expect }) => {
    const opened = await door.openInParts(dot)
    await expect(door.urls(opened, numbers ?? [])).rejects.toMatchObject({ code: 'part_number_invalid' })
    await door.abort(opened)
  })

  test('by writing again after it completed changes nothing', { meta: { id: 'direct-late-write' } }, async ({ airlock, door }) => {
    const [whole, parts] = [await door.open(dot), await door.openInParts(dot)]
    const urls = [...(await door.urls(whole, [1])), ...(await door.urls(parts, [1]))]
    for (const opened of [whole, parts]) {
      await door.send(opened, dot)
      await door.complete(opened)
    }
    const other = Buffer.from(dot.bytes).fill(1, 50)
    for (const url of urls) expect([404, 412]).toContain(await put(url, other))
    for (const { uploadId } of [whole, parts])
      expect(await airlock.worker().process({ id: uploadId })).toMatchObject({ ended: 'completed' })
    await expect(door.urls(parts, [1])).rejects.toMatchObject({ code: 'upload_closed' })
  })

  test('by writing after the verdict leaves an object for the sweeper, not in the asset', {
    meta: { id: 'direct-write-after-verdict' },
  }, async ({ airlock, door }) => {
    const opened = await door.open(dot)
    const [url] = await door.urls(opened, [1])
    await door.send(opened, dot)
    const { upload } = await door.complete(opened)
    await airlock.worker().process(upload)
    const [asset] = await airlock.assetsOf(upload)

    expect(await put(url as PresignedWrite, Buffer.from(dot.bytes).fill(1, 50))).toBe(200)
    expect(await airlock.quarantine()).toHaveLength(1)
    expect(await airlock.sweeps()).toMatchObject({ leftovers: 1 })

    expect(await airlock.quarantine()).toEqual([])
    expect(await airlock.bytesAt(asset?.s3Key ?? '')).toEqual(dot.bytes)
  })

  test('and changes the object anyway, in a store that lets it, is rejected and never parked', {
    meta: { id: 'direct-object-changed' },
  }, async ({ airlock, door }) => {
    const opened = await door.openInParts(dot)
    await door.send(opened, dot)
    const { upload } = await door.complete(opened)
    await airlock.replaces(upload, Buffer.from(dot.bytes).fill(1, 50))
    expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'rejected', refusal: { code: 'object_changed' } })
    expect(await airlock.finalObjects()).toEqual([])
  })
})

describe('limits', () => {
  test('in number and bytes', async ({ airlock, door }) => {
    const one = await door.openInParts(dot, { openUploadsPerUser: 1 })
    const refused = { code: 'open_uploads_limit_reached', status: 429 }
    await expect(door.openInParts(dot, { openUploadsPerUser: 1 })).rejects.toMatchObject(refused)
    await expect(door.openInParts(dot, { openBytesPerUser: 2 * dot.bytes.length - 1 })).rejects.toMatchObject(refused)
    await door.abort(one)
    await door.abort(await door.openInParts(dot, { openUploadsPerUser: 1 }))
    expect(await airlock.openMultipartUploads()).toEqual([])
  })

  test('without a store that enforces conditions, every file is sent in parts', async ({ door }) => {
    door.writesOnce = false
    const opened = await door.open(dot)
    expect(opened.sending).toEqual({ partBytes: 5 * MiB, partCount: 1 })
    await door.abort(opened)
  })
})

describe('the deadline', () => {
  test('ends an upload for its client, and then for the sweeper', { meta: { id: 'direct-deadline' } }, async ({ airlock, door }) => {
    const [idle, half, whole, live] = [
      await door.openInParts(dot),
      await door.openInParts(largePicture()),
      await door.open(dot),
      await door.openInParts(dot),
    ]
    await door.send(half, largePicture(), [1])
    const late = await door.urls(whole, [1])
    await door.send(whole, dot)
    for (const opened of [idle, half, whole]) await door.expire(opened)
    for (const { uploadId } of [live, whole]) await airlock.ages({ id: uploadId }, 100_000)

    await expect(door.complete(whole)).rejects.toMatchObject({ code: 'upload_expired', status: 410 })
    await expect(door.urls(half, [2])).rejects.toMatchObject({ code: 'upload_expired' })
    expect(await airlock.sweeps()).toMatchObject({ overdue: 3, stale: 0, unfinished: 0 })

    expect(await airlock.quarantine()).toEqual([])
    expect(await airlock.openMultipartUploads()).toEqual([(await door.row(live)).quarantineKey])
    for (const opened of [idle, half, whole])
      expect(await door.row(opened)).toMatchObject({ state: 'abandoned', counted: true, refusal: { code: 'upload_expired' } })
    for (const url of late) expect(await put(url, dot.bytes)).toBe(200)
    await expect(door.complete(whole)).rejects.toMatchObject({ code: 'upload_expired' })
    expect(await airlock.sweeps()).toMatchObject({ leftovers: 1 })
    await door.abort(live)
  })

  test('that comes during a completion decides it, and nothing is left', async ({ airlock, door }) => {
    const opened = await door.openInParts(dot)
    await door.send(opened, dot)
    const { deps } = door
    const uploads = { ...deps.uploads, direct: airlock.uploads.direct, abandon: airlock.uploads.abandon }
    uploads.accept = async (...given) => {
      await door.expire(opened)
      await airlock.sweeps()
      return airlock.uploads.accept(...given)
    }
    await expect(door.complete(opened, { ...deps, uploads })).rejects.toMatchObject({ code: 'upload_expired' })
    expect(await airlock.quarantine()).toEqual([])
  })
})

describe('a database that fails while an upload is opened', () => {
  test('leaves a row with the reason that the client gets, and no parts', async ({ airlock, door }) => {
    const { deps } = door
    const uploads = { ...deps.uploads, setMultipartId: () => Promise.reject(new DatabaseUnavailable('no response')) }
    await expect(door.openInParts(dot, {}, { ...deps, uploads })).rejects.toThrow(DatabaseUnavailable)
    expect(await airlock.rows()).toMatchObject([{ state: 'abandoned', counted: false, refusal: { code: 'database_unavailable' } }])
    expect(await airlock.openMultipartUploads()).toEqual([])
  })

  test('and has ended the row meanwhile makes the client open it again, and leaves no parts', async ({ airlock, door }) => {
    const { deps } = door
    const uploads = { ...deps.uploads, setMultipartId: async () => false }
    await expect(door.openInParts(dot, {}, { ...deps, uploads })).rejects.toMatchObject({ code: 'upload_interrupted', status: 503 })
    expect(await airlock.openMultipartUploads()).toEqual([])
  })
})

describe('a gateway that dies', () => {
  const steps = ['beginParts', 'setMultipartId', 'openDirect']
  test.for(steps)(
    'after %s while it opens leaves a row, which the sweeper ends with everything',
    {
      meta: { id: 'direct-open-dies-at-any-step' },
    },
    async (diesAfter, { airlock, door, expect }) => {
      const mortal = new Mortal({ verb: diesAfter, when: 'after' })
      const { deps } = door
      const dying = { ...deps, uploads: mortal.holds(deps.uploads), store: mortal.holds(deps.store) }
      await expect(door.openInParts(dot, {}, dying)).rejects.toThrow()
      const [row] = await airlock.rows()
      expect(row?.state).toBe('receiving')
      await airlock.world.sql.query(`update uploads set expires_at = now() - interval '1 ms'`)
      expect(await airlock.sweeps()).toMatchObject({ overdue: 1 })
      expect(await airlock.openMultipartUploads()).toEqual([])
    },
  )

  test.for(['arrivedParts', 'completeParts', 'head', 'read', 'accept', 'enqueue'])(
    'after %s while it completes: the next call succeeds, with one asset',
    { meta: { id: 'direct-complete-dies-at-any-step' } },
    async (diesAfter, { airlock, door, expect }) => {
      const opened = await door.openInParts(dot)
      await door.send(opened, dot)
      const mortal = new Mortal({ verb: diesAfter, when: 'after' })
      const { deps } = door
      const dying = {
        ...deps,
        uploads: mortal.holds(deps.uploads),
        store: mortal.holds(deps.store),
        jobQueue: mortal.holds(deps.jobQueue),
      }
      await door.complete(opened, dying).catch(() => {})
      expect(mortal.died).toBe(true)

      const { upload } = await door.complete(opened)

      expect(upload.state).toBe('received')
      await airlock.worker().process(upload)
      expect(await airlock.assetsOf(upload)).toHaveLength(1)
    },
  )

  test('in the middle of an abort leaves an abandoned upload, whose parts the sweeper removes', async ({ airlock, door }) => {
    const opened = await door.openInParts(dot)
    await door.send(opened, dot)
    const mortal = new Mortal({ verb: 'abandon', when: 'after' })
    const { deps } = door
    await abortDirect((await door.direct(opened)).upload, { ...deps, uploads: mortal.holds(deps.uploads) }).catch(() => {})
    expect((await door.row(opened)).state).toBe('abandoned')
    expect(await airlock.sweeps()).toMatchObject({ unfinished: 1 })
  })
})

test('a completion and an abort at once end in one of both, and nothing is left', { meta: { id: 'direct-complete-meets-abort' } }, async ({
  airlock,
  door,
}) => {
  for (let round = 0; round < 8; round++) {
    const opened = await door.openInParts(dot)
    await door.send(opened, dot)
    const [completed] = await Promise.allSettled([door.complete(opened), door.abort(opened)])
    const { state } = await door.row(opened)
    expect(['abandoned', 'rejected']).toContain(state)
    if (state === 'abandoned') expect(completed).toMatchObject({ status: 'rejected', reason: { code: 'cancelled' } })
  }
  await airlock.sweeps()
})
