export { defaultLimits, type InspectionLimits } from '../full/inspector.ts'
export { findLauncher, type Launcher, plainLauncher } from './namespaces.ts'
export { defaultIsolation, InspectorPool, type IsolationSettings } from './pool.ts'
