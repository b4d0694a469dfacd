export type { MeasuredClaim } from './intake/measure.ts'
export { Tally } from './intake/meter.ts'
export { type FileCounter, FileLimitReached } from './intake/registration.ts'
export { type DiscardDeps, discard } from './moves/abandon.ts'
export { abortDirect } from './moves/abort-direct.ts'
export { type AcceptDeps, accept, type FormFields } from './moves/accept.ts'
export { type AcceptFromBucketDeps, acceptFromBucket, type VideoInBucket } from './moves/accept-from-bucket.ts'
export { type CancelDeps, cancel } from './moves/cancel.ts'
export { LeaseLost } from './moves/claim.ts'
export { type CompleteDirectDeps, type CompletedDirect, completeDirect } from './moves/complete-direct.ts'
export { type DirectPart, type DirectParts, listDirectParts, signDirectParts } from './moves/direct-parts.ts'
export { handBack } from './moves/hand-back.ts'
export {
  type DirectFile,
  type DirectSender,
  hashOfCapability,
  type OpenDirectDeps,
  type OpenedDirect,
  openDirect,
  withdrawDirect,
} from './moves/open-direct.ts'
export { finalHeaders, promote } from './moves/promote.ts'
export {
  type FileOnItsWay,
  type IncomingFile,
  type Permits,
  type ReceiveDeps,
  type ReceivedFile,
  receive,
  type Sender,
} from './moves/receive.ts'
export {
  type AnnouncedVideo,
  type RefusedVideo,
  type RegisteredVideo,
  type RegisterVideoDeps,
  registerVideo,
} from './moves/register-video.ts'
export { reject } from './moves/reject.ts'
export { type Release, type ReleaseDeps, release } from './moves/release.ts'
export { type RetryPolicy, retryParked } from './moves/retry.ts'
export { type PurgeDeps, type PurgeOptions, type PurgeOutcome, type PurgeReport, purge } from './purge.ts'
export {
  isLastInspection,
  type RetryReason,
  retryReason,
  retryReasons,
  type SettleDeps,
  type Settled,
  settleFault,
} from './settle-fault.ts'
export {
  type ClearedObject,
  clearFromInbox,
  type InboxDeps,
  type InboxProblem,
  type InboxProblemPage,
  inboxProblemKinds,
  inboxProblems,
} from './sweep/inbox-problems.ts'
export { type SweepReport, type SweepRule, type Swept, sweep, sweepRules } from './sweep/sweep.ts'
export type { Found, SweepDeps, SweepOptions } from './sweep/sweep-options.ts'
export { type VerifiedPage, type VerifyDeps, type VerifyOptions, type Violation, verify } from './sweep/verify.ts'
export { type Admission, type Inspect, type Outcome, type WorkDeps, type WorkLimits, workOn } from './work-on-upload.ts'
