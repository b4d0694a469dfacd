export { defaultLimits, type InspectionLimits } from '../full/inspector.ts'
export { findLauncher, type Launcher, plainLauncher } from './namespaces.ts'
export {
  defaultIsolation,
  InspectorPool,
  type IsolationSettings,
  type PoolEvents,
  type RestartReason,
} from './pool.ts'
