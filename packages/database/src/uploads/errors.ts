import { AirlockError } from '@airlock/domain'

/** Acceptance came too late: an upload of the request is not `receiving` any more. Nothing of the request was accepted. */
export class UploadNotReceiving extends Error {
  readonly uploadIds: readonly string[]

  constructor(uploadIds: readonly string[]) {
    super(`Not all of these uploads are still being received, so none was accepted: ${uploadIds.join(', ')}`)
    this.name = 'UploadNotReceiving'
    this.uploadIds = uploadIds
  }
}

/** A later attempt owns the upload, or it is final. The database was not touched. */
export class ClaimLost extends Error {
  readonly uploadId: string
  readonly attempt: number

  constructor({ uploadId, attempt }: { uploadId: string; attempt: number }) {
    super(`Attempt ${attempt} does not own upload ${uploadId} any more`)
    this.name = 'ClaimLost'
    this.uploadId = uploadId
    this.attempt = attempt
  }
}

/** There is no `users` row, and we can't make one: the table belongs to the product around us, or the user was deleted. */
export class UnknownUser extends AirlockError<'unknown_user'> {
  readonly userId: string

  constructor(userId: string, options?: ErrorOptions) {
    super('unknown_user', {}, options)
    this.name = 'UnknownUser'
    this.userId = userId
  }
}
