import { AirlockError } from '@airlock/domain'

/** Acceptance came too late: an upload of the request is no longer `receiving`. None of its uploads was accepted. */
export class UploadNotReceiving extends Error {
  readonly uploadIds: readonly string[]

  constructor(uploadIds: readonly string[]) {
    super(`Not all of these uploads are still receiving, so none was accepted: ${uploadIds.join(', ')}`)
    this.name = 'UploadNotReceiving'
    this.uploadIds = uploadIds
  }
}

/** A later attempt owns the upload, or it is final. The database was not changed. */
export class ClaimLost extends Error {
  readonly uploadId: string
  readonly attempt: number

  constructor({ uploadId, attempt }: { uploadId: string; attempt: number }) {
    super(`Attempt ${attempt} no longer owns upload ${uploadId}`)
    this.name = 'ClaimLost'
    this.uploadId = uploadId
    this.attempt = attempt
  }
}

/** There is no `users` row, and none can be inserted: the table belongs to the surrounding product, or the user was deleted. */
export class UnknownUser extends AirlockError<'unknown_user'> {
  readonly userId: string

  constructor(userId: string, options?: ErrorOptions) {
    super('unknown_user', {}, options)
    this.name = 'UnknownUser'
    this.userId = userId
  }
}
