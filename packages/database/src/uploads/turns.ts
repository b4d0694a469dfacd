import type { AssetType } from '@airlock/domain'
import { prepared } from '../prepared.ts'
import type { Sessions } from '../sessions.ts'
import type { UploadRecord } from './record.ts'

/** An upload that waits for a worker. */
export interface WaitingUpload extends Pick<UploadRecord, 'userId' | 'priority'> {
  readonly uploadId: string
}

export interface TurnOptions {
  /** The name of the lane. */
  readonly lane: string
  /** The kinds of assets of that lane. */
  readonly assetTypes: readonly AssetType[]
  /** Users whose uploads may not be taken now. */
  readonly excludedUsers: readonly string[]
}

/** The owner of an upload, and the upload that should be processed before it; null when there is none. */
export interface Turn {
  readonly userId: string
  readonly next: WaitingUpload | null
}

/** The order in which the users of a lane are served. */
export interface Turns {
  /**
   * Decides whether a worker should process the upload of its job, or another one first: that of a user with fewer running uploads in the lane
   * or, among equals, of a user who is earlier in the round-robin. It claims nothing.
   *
   * @returns null for an upload that can't be processed: it is unknown, final, parked, or leased
   */
  nextInTurn(uploadId: string, options: TurnOptions): Promise<Turn | null>
}

export const turns = (sessions: Sessions): Turns => ({
  async nextInTurn(uploadId, { lane, assetTypes, excludedUsers }) {
    const [row] = await sessions.run(({ rows }) => rows(nextInTurn, [lane, assetTypes, uploadId, excludedUsers]))
    if (row === undefined) return null
    const { owner, next_id, next_user, next_priority } = row as Record<string, string | null>
    const next =
      next_id && next_user ? { uploadId: next_id, userId: next_user, priority: next_priority as WaitingUpload['priority'] } : null
    return { userId: owner as string, next }
  },
})

const nextInTurn = prepared('next_in_turn', 'select * from uploads_next_in_turn($1, $2, $3, $4)')
