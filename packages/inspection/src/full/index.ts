export { type Inspection, inspect, inspectionVersion } from './inspect.ts'
export type { InspectedUpload } from './inspector.ts'
export { defaultLimits, type InspectionLimits } from './inspector.ts'
