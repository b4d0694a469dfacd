import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * The trace with which an upload was accepted, as the `traceparent` of W3C Trace Context. What the queue and its jobs know of it may be lost with
 * Redis. The limit is its length, and needs no scan of the table as a check would.
 */
export class RememberTraces1795478400032 implements MigrationInterface {
  readonly name = 'RememberTraces1795478400032'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table uploads add column traceparent varchar(55)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table uploads drop column traceparent')
  }
}
