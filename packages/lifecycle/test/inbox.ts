import { randomUUID } from 'node:crypto'
import { inboxKey } from '@airlock/domain'
import { type Sample, samples } from '@airlock/testkit/samples'
import { type AnnouncedVideo, type RegisterVideoDeps, registerVideo } from '../src/index.ts'
import type { Airlock, Run, WorkerOptions } from './airlock.ts'
import { Died, Mortal } from './mortal.ts'

export interface Put extends Partial<AnnouncedVideo> {
  sample?: Sample
  /** Other `x-amz-meta-` headers than the right ones. */
  userHeaders?: Record<string, string>
}

/** Stores a video in the inbox. @returns the payload of its job */
export async function puts(airlock: Airlock, { sample = samples.scene, userHeaders, ...given }: Put = {}): Promise<AnnouncedVideo> {
  const uploadId = given.uploadId ?? randomUUID()
  const projectId = given.projectId ?? randomUUID()
  const video: AnnouncedVideo = {
    uploadId,
    userId: airlock.userId,
    projectId,
    key: inboxKey({ projectId, uploadId }),
    filename: sample.filename,
    sha256: null,
    metadata: null,
    priority: 'batch',
    ...given,
  }
  const headers = userHeaders ?? { 'user-id': video.userId, filename: encodeURIComponent(video.filename) }
  await airlock.world.bucket.put(video.key, sample.bytes, headers)
  return video
}

const depsOf = (airlock: Airlock): RegisterVideoDeps => ({
  uploads: airlock.uploads,
  assets: airlock.world.database.assets,
  store: airlock.store,
  log: airlock.log,
})

export const registers = (airlock: Airlock, video: AnnouncedVideo, deps: Partial<RegisterVideoDeps> = {}) =>
  registerVideo(video, { ...depsOf(airlock), ...deps })

/** A worker takes the job of a video, registers it, and processes it. */
export async function delivers(airlock: Airlock, video: AnnouncedVideo, options: WorkerOptions = {}): Promise<Run> {
  await registers(airlock, video)
  return airlock.worker(options).process({ id: video.uploadId })
}

/** A process that dies during the registration. */
export async function diesRegistering(airlock: Airlock, video: AnnouncedVideo, when: 'before' | 'after', verb: string): Promise<void> {
  const mortal = new Mortal({ verb, when })
  const held = { uploads: mortal.holds(airlock.uploads), store: mortal.holds(airlock.store) }
  await registers(airlock, video, held).catch((error) => {
    if (!(error instanceof Died)) throw error
  })
  if (!mortal.died) throw new Error(`the worker never came to its end ${when} ${verb}`)
}
