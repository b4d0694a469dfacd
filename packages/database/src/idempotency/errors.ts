/** The lease of a request expired and another one took it over, or it already has a response. The database was not changed. */
export class IdempotencyLeaseLost extends Error {
  constructor({ userId, key }: { userId: string; key: string }) {
    super(`Request '${key}' of user ${userId} was taken over`)
    this.name = 'IdempotencyLeaseLost'
  }
}
