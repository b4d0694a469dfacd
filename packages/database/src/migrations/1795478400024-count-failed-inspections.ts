import type { MigrationInterface, QueryRunner } from 'typeorm'

/** How many inspections in a row came to no verdict decides whether an upload is tried again, and stood in the words of its last fault before. */
export class CountFailedInspections1795478400024 implements MigrationInterface {
  readonly name = 'CountFailedInspections1795478400024'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table uploads add column failed_inspections smallint not null default 0')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table uploads drop column failed_inspections')
  }
}
