import { type GeneratedVideo, generatedVideoJob, parseGeneratedVideo } from './generated-video.ts'
import { type ProcessUpload, parseProcessUpload, processUploadJob } from './process-upload.ts'
import { PayloadMalformed } from './read-payload.ts'

/** A job of Airlock. Its name determines its payload. */
export type AirlockJob =
  | { name: typeof processUploadJob; payload: ProcessUpload }
  | { name: typeof generatedVideoJob; payload: GeneratedVideo }

/**
 * Reads a job of any known name.
 *
 * @throws PayloadMalformed for an unknown name; otherwise names the job and the first fault of its payload
 */
export function parseJob(jobName: string, data: unknown): AirlockJob {
  switch (jobName) {
    case processUploadJob:
      return { name: jobName, payload: parseProcessUpload(jobName, data) }
    case generatedVideoJob:
      return { name: jobName, payload: parseGeneratedVideo(jobName, data) }
    default:
      throw new PayloadMalformed(`unknown job name '${jobName.slice(0, 80)}'`)
  }
}
