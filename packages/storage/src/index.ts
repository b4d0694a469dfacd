export * from './object-store.ts'
export { s3ObjectStore } from './s3/s3-object-store.ts'
export { type Credentials, defaultTuning, type Leftover, type S3StoreOptions, type Tuning } from './s3/settings.ts'
export * from './store-errors.ts'
