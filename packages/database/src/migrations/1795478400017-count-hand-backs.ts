import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Attempts that ended because their worker stopped. They say nothing of the upload, so they must not bring it nearer to being parked; but
 * `attempt` can't be taken back: it is the fence between the worker that stopped and the next one.
 */
export class CountHandBacks1795478400017 implements MigrationInterface {
  readonly name = 'CountHandBacks1795478400017'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table uploads add column handed_back integer not null default 0')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table uploads drop column handed_back')
  }
}
