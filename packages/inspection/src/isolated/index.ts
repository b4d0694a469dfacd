export { defaultLimits, type InspectionLimits } from '../full/limits.ts'
export { defaultIsolation, InspectorPool, type IsolationSettings } from './pool.ts'
