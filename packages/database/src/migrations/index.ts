import { CreateUsers1795478400000 } from './1795478400000-create-users.ts'
import { CreateUploads1795478400001 } from './1795478400001-create-uploads.ts'
import { GuardUploadMoves1795478400002 } from './1795478400002-guard-upload-moves.ts'
import { RegisterUpload1795478400003 } from './1795478400003-register-upload.ts'
import { CreateAssets1795478400004 } from './1795478400004-create-assets.ts'
import { FollowUploads1795478400005 } from './1795478400005-follow-uploads.ts'
import { RememberRequests1795478400006 } from './1795478400006-remember-requests.ts'
import { PurgeDeletedAssets1795478400007 } from './1795478400007-purge-deleted-assets.ts'
import { ListAssets1795478400008 } from './1795478400008-list-assets.ts'
import { LogAccess1795478400009 } from './1795478400009-log-access.ts'
import { LinkBrandImages1795478400010 } from './1795478400010-link-brand-images.ts'
import { AcceptQuietly1795478400011 } from './1795478400011-accept-quietly.ts'
import { LeaseSweeper1795478400012 } from './1795478400012-lease-sweeper.ts'
import { FindWhatIsOver1795478400013 } from './1795478400013-find-what-is-over.ts'
import { RememberFailures1795478400014 } from './1795478400014-remember-failures.ts'
import { OpenPipelineDoor1795478400015 } from './1795478400015-open-pipeline-door.ts'
import { WriteEvents1795478400016 } from './1795478400016-write-events.ts'
import { CountHandBacks1795478400017 } from './1795478400017-count-hand-backs.ts'
import { CountFailedInspections1795478400024 } from './1795478400024-count-failed-inspections.ts'
import { BoundParkedBytes1795478400025 } from './1795478400025-bound-parked-bytes.ts'
import { ListUploads1795478400026 } from './1795478400026-list-uploads.ts'
import { TakeUsersInTurn1795478400027 } from './1795478400027-take-users-in-turn.ts'
import { CarryFailedInspections1795478400028 } from './1795478400028-carry-failed-inspections.ts'
import { ReadLaneLoad1795478400029 } from './1795478400029-read-lane-load.ts'
import { LogOperators1795478400030 } from './1795478400030-log-operators.ts'
import { RememberTraces1795478400032 } from './1795478400032-remember-traces.ts'
import { OpenDirectDoor1795478400033 } from './1795478400033-open-direct-door.ts'
import { GuardUploadsOnce1795478400034 } from './1795478400034-guard-uploads-once.ts'
import { PlanOnce1795478400035 } from './1795478400035-plan-once.ts'
import { PlaceEvents1795478400036 } from './1795478400036-place-events.ts'
import { TakeTurnsAtOnce1795478400037 } from './1795478400037-take-turns-at-once.ts'
import { ListProvenance1795478400038 } from './1795478400038-list-provenance.ts'
import { PublishProvenance1795478400039 } from './1795478400039-publish-provenance.ts'
import { ReadByIndex1795478400040 } from './1795478400040-read-by-index.ts'
import { TurnsByOrder1795478400041 } from './1795478400041-turns-by-order.ts'
import { ListProvenanceOfKind1795478400042 } from './1795478400042-list-provenance-of-kind.ts'

/** All migrations, oldest first. The SQL of a published migration is never edited; a later migration corrects it. */
export const migrations = [
  CreateUsers1795478400000,
  CreateUploads1795478400001,
  GuardUploadMoves1795478400002,
  RegisterUpload1795478400003,
  CreateAssets1795478400004,
  FollowUploads1795478400005,
  RememberRequests1795478400006,
  PurgeDeletedAssets1795478400007,
  ListAssets1795478400008,
  LogAccess1795478400009,
  LinkBrandImages1795478400010,
  AcceptQuietly1795478400011,
  LeaseSweeper1795478400012,
  FindWhatIsOver1795478400013,
  RememberFailures1795478400014,
  OpenPipelineDoor1795478400015,
  WriteEvents1795478400016,
  CountHandBacks1795478400017,
  CountFailedInspections1795478400024,
  BoundParkedBytes1795478400025,
  ListUploads1795478400026,
  TakeUsersInTurn1795478400027,
  CarryFailedInspections1795478400028,
  ReadLaneLoad1795478400029,
  LogOperators1795478400030,
  RememberTraces1795478400032,
  OpenDirectDoor1795478400033,
  GuardUploadsOnce1795478400034,
  PlanOnce1795478400035,
  PlaceEvents1795478400036,
  TakeTurnsAtOnce1795478400037,
  ListProvenance1795478400038,
  PublishProvenance1795478400039,
  ReadByIndex1795478400040,
  TurnsByOrder1795478400041,
  ListProvenanceOfKind1795478400042,
]
