export type { AccessLogUpkeep } from './access-log/partitions.ts'
export { type AccessEntry, type AccessLog, maxAccessEntries } from './access-log/repository.ts'
export type { AssetCursor, AssetListOptions, AssetPage } from './assets/list.ts'
export type { AssetDeletion, AssetRepository } from './assets/repository.ts'
export type { AssetBatch, AssetPlace } from './assets/unused.ts'
export type { BrandImages, BrandRepository, Linking } from './brands.ts'
export { type Database, openDatabase } from './database.ts'
export type { AssetMetadata, AssetRecord } from './entities/asset.ts'
export type { EventPayload, EventRecord } from './entities/event.ts'
export type { DuePurge } from './entities/purge.ts'
export type { Door, StoredMetadata, UploadPriority } from './entities/upload.ts'
export type { DeliveryRow, DeliveryState } from './entities/webhook-delivery.ts'
export type { EventRelay, TracedEvent } from './events/relay.ts'
export type { EventPage, EventQuery, Events, FeedPlace } from './events/repository.ts'
export {
  type Beginning,
  IdempotencyLeaseLost,
  type IdempotencyRepository,
  type IdempotencyToken,
  type RepeatableRequest,
} from './idempotency.ts'
export {
  type EventListenOptions,
  type FeedListenOptions,
  type Listening,
  type ListenOptions,
  listenForEvents,
  listenForFeed,
  listenForMoves,
  listenForPurges,
  type MoveOptions,
  type PurgeListenOptions,
} from './listening.ts'
export { type MigrateOptions, migrate, revertLastMigration } from './migrating.ts'
export type { OperatorNote, OpsAction, OpsLog, OpsLogEntry } from './ops-log.ts'
export type { DatabaseLog, DatabaseOptions } from './options.ts'
export type { Purges } from './purges.ts'
export type { ServerState } from './server-state.ts'
export type { PoolUse } from './sessions.ts'
export type { RulePosition, RulePositions, SweeperLease, SweeperProgress } from './sweeper-lease.ts'
export { DatabaseUnavailable } from './unavailable.ts'
export type { Browse, BrowsedPage, BrowseOptions, UploadFilter } from './uploads/browse.ts'
export type { Cancellation, Decisions } from './uploads/decisions.ts'
export type { DirectRegistration, DirectUpload, NewDirectUpload, OpenLimit } from './uploads/direct.ts'
export { ClaimLost, UnknownUser, UploadNotReceiving } from './uploads/errors.ts'
export type { AcceptedUpload, FileLimit, NewUpload, Registration } from './uploads/intake.ts'
export type { UploadCursor, UploadListOptions, UploadPage } from './uploads/list.ts'
export type { LaneLoad, UploadLoad } from './uploads/load.ts'
export type { Source, UploadRecord } from './uploads/record.ts'
export type { UploadRepository } from './uploads/repository.ts'
export type { Turn, TurnOptions, Turns, WaitingUpload } from './uploads/turns.ts'
export type { Batch, BatchOptions, Cursor } from './uploads/unmoved.ts'
export type { NewVideo, VideoRegistration } from './uploads/videos.ts'
export type { Claim, ClaimAttempt, ProjectConcurrency } from './uploads/work.ts'
export type { DeadLetter, DeadLetters, DeliveryCounts } from './webhooks/dead-letters.ts'
export type { DeliveryProgress, EndpointProgress } from './webhooks/progress.ts'
export type { Delivery, EndpointStatus, Webhooks } from './webhooks/repository.ts'
