import type { Claim, UploadRepository } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { type ErrorCode, refusal } from '@airlock/domain'
import { aboutClaim } from './claim.ts'

export interface ParkDeps {
  uploads: Pick<UploadRepository, 'park'>
  log: Log
}

/** Why an upload is parked, for its owner. */
export type ParkCode = Extract<ErrorCode, 'upload_vanished' | 'inspection_failed' | 'processing_failed'>

/**
 * Parks a claimed upload whose attempts are exhausted: its object is kept until an operator retries or releases it, or its owner cancels it.
 *
 * @param fault why the attempt failed, for operators
 * @throws ClaimLost  a later attempt owns the upload; nothing was changed
 */
export async function park(claim: Claim, code: ParkCode, fault: unknown, { uploads, log }: ParkDeps): Promise<void> {
  await uploads.park(claim, refusal(code, { filename: claim.filename }), String(fault))
  log.error({ ...aboutClaim(claim), err: fault, step: 'park' }, 'upload parked, an operator must decide')
}
