/** The lease of a request ran out and somebody else took it over, or it was answered already. The database was not touched. */
export class IdempotencyLeaseLost extends Error {
  constructor({ userId, key }: { userId: string; key: string }) {
    super(`The request '${key}' of user ${userId} is not ours any more`)
    this.name = 'IdempotencyLeaseLost'
  }
}
