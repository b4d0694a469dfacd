import { archiveCost } from './archive-cost.ts'
import { containerWalk } from './containers/walk.ts'
import { contract } from './contract.ts'
import { guardWalk } from './guards/walk.ts'
import { lists } from './lists.ts'
import { mutations } from './mutations.ts'
import { patterns } from './patterns.ts'
import { pipelineDoor } from './pipeline.ts'
import { sixtyUploads } from './sixty-uploads/step.ts'
import { slow } from './slow.ts'
import type { LongStep } from './step.ts'

/** The steps that take too long for `npm test`, in order. */
export const steps: readonly LongStep[] = [
  slow,
  mutations,
  archiveCost,
  patterns,
  lists,
  contract,
  pipelineDoor,
  sixtyUploads,
  guardWalk,
  containerWalk,
]
