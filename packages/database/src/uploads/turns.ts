import type { AssetType } from '@airlock/domain'
import type { Sessions } from '../sessions.ts'
import type { Priority } from './record.ts'

/** An upload that waits for a worker. */
export interface WaitingUpload {
  readonly uploadId: string
  readonly userId: string
  readonly priority: Priority | null
}

export interface TurnOptions {
  /** The lane, by its name. */
  readonly lane: string
  /** The kinds of assets that travel on it. */
  readonly assetTypes: readonly AssetType[]
  /** Users of whom none may be taken now. */
  readonly excludedUsers: readonly string[]
}

/** Whose upload it is, and which one should be worked on before it; `next` is null when it is its own turn, or nobody's. */
export interface Turn {
  readonly userId: string
  readonly next: WaitingUpload | null
}

/** In which order the users of a lane are served. */
export interface Turns {
  /**
   * Says whether a worker that was woken for an upload should take it, or another one first: of a user of whom fewer uploads run in the lane
   * or, among equals, of one who comes earlier in the round. It claims nothing.
   *
   * @returns null for an upload that is not to be worked on: it is unknown, final, parked, or under a lease
   */
  nextInTurn(uploadId: string, options: TurnOptions): Promise<Turn | null>
}

export const turns = (sessions: Sessions): Turns => ({
  async nextInTurn(uploadId, { lane, assetTypes, excludedUsers }) {
    const [row] = await sessions.run(({ rows }) =>
      rows('select * from uploads_next_in_turn($1, $2, $3, $4)', [lane, assetTypes, uploadId, excludedUsers]),
    )
    if (row === undefined) return null
    const { owner, next_id, next_user, next_priority } = row as Record<string, string | null>
    const next = next_id && next_user ? { uploadId: next_id, userId: next_user, priority: next_priority as Priority | null } : null
    return { userId: owner as string, next }
  },
})
