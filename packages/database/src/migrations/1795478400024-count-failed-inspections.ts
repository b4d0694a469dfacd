import type { MigrationInterface, QueryRunner } from 'typeorm'

/** The number of consecutive inspections without a verdict, which decides whether an upload is retried. Earlier, it was text in its last fault. */
export class CountFailedInspections1795478400024 implements MigrationInterface {
  readonly name = 'CountFailedInspections1795478400024'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table uploads add column failed_inspections smallint not null default 0')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table uploads drop column failed_inspections')
  }
}
