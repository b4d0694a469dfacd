import type { Accepted as AcceptedVerdict, Refusal, UploadState } from '@airlock/domain'
import { Asset, type AssetMetadata, type AssetRecord } from '../entities/asset.ts'
import { rowReader } from '../entities/columns.ts'
import { type Door, Upload } from '../entities/upload.ts'
import { type Prepared, prepared } from '../prepared.ts'
import type { Sessions } from '../sessions.ts'
import { codeOf } from '../unavailable.ts'
import { ClaimLost, UnknownUser } from './errors.ts'
import { type Accepted, asRecord, isAccepted, storableText, type UploadRecord } from './record.ts'

/** The values of the row that a claim has. */
const claimedValues = [
  'attempt',
  'userId',
  'door',
  'assetType',
  'projectId',
  'brandId',
  'filename',
  'declaredType',
  'detectedType',
  'quarantineKey',
  'source',
  'finalKey',
  'sizeBytes',
  'contentHash',
  'expectedHash',
  'etag',
  'nonce',
  'requestId',
  'receivedAt',
  'failedInspections',
] as const satisfies (keyof UploadRecord)[]

type ClaimedValues = Accepted<(typeof claimedValues)[number]>

/** A worker's exclusive right to process an upload. All its writes are fenced by the attempt, so that they change nothing after a later claim. */
export interface Claim extends ClaimedValues {
  readonly uploadId: string
  /** The attempts including this one, without those that a stopping worker handed back: they say nothing about the upload. */
  readonly tries: number
  /** How long its attempts have been failing, by the database's clock; null when none has failed. */
  readonly failingForSeconds: number | null
}

/**
 * Why an upload can't be claimed. `receiving`: not accepted yet; `final`: it has ended; `leased`: another worker has the lease; `throttled`: the
 * maximum of concurrent videos of its project is running.
 */
export type ClaimAttempt =
  | { readonly claimed: true; readonly claim: Claim }
  | { readonly claimed: false; readonly reason: 'unknown' }
  | { readonly claimed: false; readonly reason: 'receiving' | 'parked'; readonly state: UploadState }
  | { readonly claimed: false; readonly reason: 'throttled'; readonly state: UploadState; readonly retryInMs: number }
  | { readonly claimed: false; readonly reason: 'final'; readonly state: UploadState; readonly quarantineKey: string }
  | { readonly claimed: false; readonly reason: 'leased'; readonly state: 'processing'; readonly leaseEndsInMs: number }

interface ClaimOptions {
  readonly leaseSeconds: number
  readonly projectConcurrency?: ProjectConcurrency | undefined
}

/** The limit of concurrent videos of one project that came from the pipeline; exact over all workers. Absent: no limit. */
export interface ProjectConcurrency {
  /** 0: no limit. */
  readonly maxRunning: number
  /** When a throttled job retries, or later when many wait. The sweeper enqueues it after twice that time at the earliest. */
  readonly retryInMs: number
}

/** The moves of an accepted upload by the holder of its claim. */
export interface Work {
  /** Claims an upload that is `received`, or `processing` with an expired lease. Of concurrent calls, one wins. */
  claim(id: string, options: ClaimOptions): Promise<ClaimAttempt>
  /** Extends the lease to `leaseSeconds` from now. @returns false when the claim is lost */
  renewLease(claim: Claim, leaseSeconds: number): Promise<boolean>
  /**
   * Stores the SHA-256 of a pipeline's video.
   *
   * @param contentHash 64 hex digits
   * @throws ClaimLost
   */
  learnHash(claim: Claim, contentHash: string): Promise<void>
  /**
   * Completes the upload and inserts its asset in one transaction. The object must already be at its final key.
   *
   * @throws ClaimLost also when this claim has already completed it
   * @throws UnknownUser when its owner has been deleted, so that the asset would have no owner
   */
  complete(claim: Claim, verdict: Pick<AcceptedVerdict, 'mediaType' | 'facts'>): Promise<AssetRecord>
  /**
   * Rejects the upload with a reason for its owner. If an attempt may have copied it to its final key (`copied`, and always from the second
   * attempt on), the same statement requests the purge of that copy.
   *
   * @throws ClaimLost
   */
  reject(claim: Claim, refusal: Refusal, options?: { giveBack?: boolean; copied?: boolean }): Promise<void>
  /**
   * Releases the upload for a later attempt.
   *
   * @param fault the reason for operators
   * @param options.retryInMs the wait before the next attempt; the sweeper does not enqueue it earlier
   * @param options.failedInspections the new number of consecutive inspections without a verdict; 0 when something else failed
   * @throws ClaimLost
   */
  retryLater(claim: Claim, fault: string, options?: { retryInMs: number; failedInspections?: number }): Promise<void>
  /**
   * Releases the upload of a stopping worker as if it had not been claimed, except for `attempt`: it can be claimed at once, and neither its
   * failures nor its tries increase.
   *
   * @throws ClaimLost
   */
  handBack(claim: Claim): Promise<void>
  /** Parks the upload; its object is kept until an operator decides. @param fault the reason for operators. @throws ClaimLost */
  park(claim: Claim, refusal: Refusal, fault: string): Promise<void>
}

const readUpload = rowReader(Upload)
const readAsset = rowReader(Asset)

export const work = (sessions: Sessions): Work => {
  /** Runs one fenced statement: `$1` is the upload, `$2` the attempt. */
  const fenced = async (claim: Claim, sql: string | Prepared, ...parameters: unknown[]) => {
    const [row] = await sessions.run((session) => session.rows(sql, [claim.uploadId, claim.attempt, ...parameters]))
    if (row === undefined) throw new ClaimLost(claim)
    return row
  }

  return {
    async claim(id, { leaseSeconds, projectConcurrency = noBound }) {
      return sessions.run(async ({ rows }) => {
        const [claimed] = await rows(claim, [id, leaseSeconds, projectConcurrency.maxRunning, (2 * projectConcurrency.retryInMs) / 1000])
        if (claimed !== undefined) {
          return { claimed: true, claim: asClaim(asRecord(readUpload(claimed)), claimed.failing_for_seconds as number | null) }
        }
        const [other] = await rows(current, [id])
        return refusedClaim(other as unknown as CurrentState | undefined, projectConcurrency)
      })
    },

    async renewLease({ uploadId, attempt }, leaseSeconds) {
      const rows = await sessions.run((session) => session.rows(renew, [uploadId, attempt, leaseSeconds]))
      return rows.length === 1
    },

    async learnHash(claim, contentHash) {
      await fenced(claim, learnHash, contentHash)
    },

    async complete(claim, { mediaType, facts }) {
      const metadata: Omit<AssetMetadata, 'content_hash'> = { source: claim.door, facts }
      try {
        return readAsset(await fenced(claim, complete, mediaType, JSON.stringify(metadata)))
      } catch (error) {
        if (codeOf(error) === foreignKeyViolation) throw new UnknownUser(claim.userId, { cause: error })
        throw error
      }
    },

    async reject(claim, { code, error, detail }, { giveBack = false, copied = false } = {}) {
      await fenced(claim, reject, code, error, detail, giveBack, copied)
    },

    async retryLater(claim, fault, { retryInMs, failedInspections = 0 } = { retryInMs: 0 }) {
      await fenced(claim, retryLater, storableText(fault, maxFaultCharacters), retryInMs / 1000, failedInspections)
    },

    async handBack(claim) {
      await fenced(claim, handBack)
    },

    async park(claim, { code, error, detail }, fault) {
      await fenced(claim, park, code, error, detail, storableText(fault, maxFaultCharacters))
    },
  }
}

const noBound: ProjectConcurrency = { maxRunning: 0, retryInMs: 0 }
const maxFaultCharacters = 2000
const foreignKeyViolation = '23503'

interface CurrentState {
  readonly state: UploadState
  /** A whole number of ms, as text; null without a lease. */
  readonly lease_ends_in_ms: string | null
  readonly quarantine_key: string
  readonly door: Door
  /** Likewise; null unless the next attempt is delayed. */
  readonly due_in_ms: string | null
}

/**
 * Between the two statements the upload may have become claimable. It is then reported as leased for 0 ms or throttled, so that the caller
 * retries.
 */
function refusedClaim(current: CurrentState | undefined, { maxRunning, retryInMs }: ProjectConcurrency): ClaimAttempt {
  if (current === undefined) return { claimed: false, reason: 'unknown' }
  const { state, door, quarantine_key: quarantineKey } = current
  const leaseEndsInMs = Math.max(0, Number(current.lease_ends_in_ms ?? 0))
  switch (state) {
    case 'receiving':
    case 'parked':
      return { claimed: false, reason: state, state }
    case 'completed':
    case 'rejected':
    case 'abandoned':
      return { claimed: false, reason: 'final', state, quarantineKey }
    case 'received':
    case 'processing':
      if (maxRunning > 0 && door === 'pipeline' && leaseEndsInMs === 0)
        return { claimed: false, reason: 'throttled', state, retryInMs: Math.max(retryInMs, Number(current.due_in_ms ?? 0) / 2) }
      return { claimed: false, reason: 'leased', state: 'processing', leaseEndsInMs }
    default:
      throw new Error(`unknown state: ${state satisfies never}`)
  }
}

function asClaim(upload: UploadRecord, failingForSeconds: number | null): Claim {
  const { id: uploadId, attempt, handedBack } = upload
  if (!isAccepted(upload)) throw new Error(`upload ${uploadId} was claimed without having been accepted`)
  const values = Object.fromEntries(claimedValues.map((name) => [name, upload[name]])) as unknown as ClaimedValues
  return { ...values, uploadId, tries: attempt - handedBack, failingForSeconds }
}

const claim = prepared(
  'claim',
  `
  select
    claimed.*,
    case when failing_since is not null then greatest(extract(epoch from now() - failing_since), 0)::double precision end as failing_for_seconds
  from uploads_claim($1, $2, $3, $4) as claimed`,
)

const current = `
  select state, ceil(extract(epoch from lease_until - now()) * 1000)::text as lease_ends_in_ms, quarantine_key, door,
         floor(extract(epoch from next_attempt_at - now()) * 1000)::text as due_in_ms
  from uploads where id = $1`

const renew = `
  update uploads set lease_until = now() + make_interval(secs => $3), updated_at = now()
  where id = $1 and attempt = $2 and state = 'processing'
  returning id`

const learnHash = `
  update uploads set content_hash = $3, updated_at = now()
  where id = $1 and attempt = $2 and state = 'processing'
  returning id`

/** The compare-and-set comes first; the asset is inserted only for the row that it changed. */
const complete = prepared(
  'complete',
  `
  with completed as (
    update uploads set state = 'completed', completed_at = now(), updated_at = now(), lease_until = null, last_fault = null
    where id = $1 and attempt = $2 and state = 'processing'
    returning *
  )
  insert into assets (user_id, s3_key, original_filename, file_size, mime_type, asset_type, project_id, brand_id, upload_id, metadata)
  select user_id, final_key, original_filename, size_bytes, $3, asset_type, project_id, brand_id, id,
    jsonb_build_object('content_hash', content_hash) || $4::jsonb
      || case when client_metadata is null then '{}' else jsonb_build_object('client', client_metadata) end
  from completed
  returning *`,
)

const reject = `
  with rejected as (
    update uploads set
      state = 'rejected', rejected_at = now(), updated_at = now(), lease_until = null,
      error_code = $3, error_title = $4, error_detail = $5, counted = counted and not $6
    where id = $1 and attempt = $2 and state = 'processing'
    returning id, final_key, attempt
  ), left_behind as (
    insert into purges (key, upload_id)
    select final_key, id from rejected where attempt > 1 or $7
    on conflict (key) do nothing
  )
  select id from rejected`

const retryLater = `
  update uploads set
    state = 'received', updated_at = now(), lease_until = null, last_fault = $3,
    failing_since = coalesce(failing_since, now()), next_attempt_at = now() + make_interval(secs => $4),
    failed_inspections = $5
  where id = $1 and attempt = $2 and state = 'processing'
  returning id`

const handBack = `
  update uploads set state = 'received', updated_at = now(), lease_until = null, handed_back = handed_back + 1
  where id = $1 and attempt = $2 and state = 'processing'
  returning id`

const park = `
  update uploads set
    state = 'parked', parked_at = now(), updated_at = now(), lease_until = null,
    error_code = $3, error_title = $4, error_detail = $5, last_fault = $6
  where id = $1 and attempt = $2 and state = 'processing'
  returning id`
