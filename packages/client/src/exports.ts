/** What both entries export beside `Airlock`. */

export type { AirlockOptions, ConsumeOptions } from './airlock.ts'
export type * from './api.ts'
export { AirlockError, type ClientErrorCode } from './error.ts'
export type { RetryOptions, Token } from './http.ts'
export type { Progress, UploadOptions } from './upload-options.ts'
export { type WebhookHeaders, webhooks } from './webhooks.ts'
