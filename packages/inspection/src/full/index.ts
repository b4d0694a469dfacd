export { type InspectedUpload, type Inspection, inspect, inspectionVersion } from './inspect.ts'
export { defaultLimits, type InspectionLimits } from './limits.ts'
