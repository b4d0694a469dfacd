/**
 * Inspection came to no verdict: the process that read the file crashed, or took more time or memory than it may have.
 *
 * It says nothing final about the file, for the machine may just have been loaded; so it is tried again, and parked when it keeps happening.
 */
export class InspectionFailed extends Error {
  override name = 'InspectionFailed'
}
