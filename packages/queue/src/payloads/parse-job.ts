import { type GeneratedVideo, generatedVideoJob, parseGeneratedVideo } from './generated-video.ts'
import { PayloadMalformed } from './payload-malformed.ts'
import { type ProcessUpload, parseProcessUpload, processUploadJob } from './process-upload.ts'

/** A job of ours: its name tells what its payload is. */
export type AirlockJob =
  | { name: typeof processUploadJob; payload: ProcessUpload }
  | { name: typeof generatedVideoJob; payload: GeneratedVideo }

/**
 * Reads a job of any name that Airlock knows.
 *
 * @throws PayloadMalformed for a name that nobody knows, or naming the job and the first thing that is wrong with its payload
 */
export function parseJob(jobName: string, data: unknown): AirlockJob {
  switch (jobName) {
    case processUploadJob:
      return { name: jobName, payload: parseProcessUpload(jobName, data) }
    case generatedVideoJob:
      return { name: jobName, payload: parseGeneratedVideo(jobName, data) }
    default:
      throw new PayloadMalformed(`no payload is called '${jobName.slice(0, 80)}'`)
  }
}
