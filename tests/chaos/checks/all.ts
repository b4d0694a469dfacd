import { acknowledgedIsFinal, atMostOneAsset } from './ends.ts'
import type { Breach, Evidence } from './evidence.ts'
import { nothingIsLeft } from './leftovers.ts'
import { assetsHaveObjects, nothingBadIsFinal, objectsHaveRows } from './objects.ts'
import { nobodyIsRefusedWrongly } from './refusals.ts'
import { nobodyBeyondTheLimit, onlyOwnersPresign } from './rights.ts'
import { everythingIsTold } from './told.ts'
import { everyEventIsDelivered } from './webhooks.ts'

/** Every guarantee that can be checked by the contents of the servers, with its check. */
const checks: Partial<Record<Breach['invariant'], (evidence: Evidence) => Breach[] | Promise<Breach[]>>> = {
  I1: acknowledgedIsFinal,
  I2: atMostOneAsset,
  I3: assetsHaveObjects,
  I4: objectsHaveRows,
  I5: nothingIsLeft,
  I6: onlyOwnersPresign,
  I7: nothingBadIsFinal,
  I8: nobodyBeyondTheLimit,
  I9: everythingIsTold,
  I10: nobodyIsRefusedWrongly,
  I11: everyEventIsDelivered,
}

export async function breachesIn(evidence: Evidence): Promise<Breach[]> {
  return (await Promise.all(Object.values(checks).map((check) => check(evidence)))).flat()
}
