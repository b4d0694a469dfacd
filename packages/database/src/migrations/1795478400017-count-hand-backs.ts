import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * The number of attempts that ended because their worker stopped. They say nothing about the upload, so they must not count towards parking it.
 * `attempt` itself can't decrease: it is the fence between the stopped worker and the next one.
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
