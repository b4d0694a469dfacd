export { defaultLimits, type InspectionLimits } from '../full/limits.ts'
export { findLauncher, type Launcher, plainLauncher } from './namespaces.ts'
export { defaultIsolation, InspectorPool, type IsolationSettings } from './pool.ts'
