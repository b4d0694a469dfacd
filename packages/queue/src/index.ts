export { Bell, type BellOptions, BellUnreachable } from './bell.ts'
export { commandTimeoutMs, impatientConnection, patientConnection } from './connection.ts'
export { type QueueLane, queueLanes, queueNames, queuePrefix } from './names.ts'
export { PayloadMalformed, ProcessUpload, parseProcessUpload, processUploadJob } from './payloads.ts'
