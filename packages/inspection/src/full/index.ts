export type { InspectedUpload, Inspection } from '../head/inspect-contract.ts'
export { inspect, inspectionVersion } from './inspect.ts'
export { defaultLimits, type InspectionLimits } from './limits.ts'
