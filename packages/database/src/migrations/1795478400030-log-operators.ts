import type { MigrationInterface, QueryRunner } from 'typeorm'

/** The changes that operators make: who, what, when and why. Its rows outlive those of their uploads, so they do not reference them. */
export class LogOperators1795478400030 implements MigrationInterface {
  readonly name = 'LogOperators1795478400030'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table ops_log (
        id uuid not null default gen_random_uuid(),
        at timestamptz(3) not null default now(),
        operator text not null,
        action text not null,
        upload_id uuid,
        lane text,
        reason text,
        request_id text,
        details jsonb not null default '{}',
        constraint ops_log_pkey primary key (id)
      )`)
    await runner.query('create index ops_log_of_upload on ops_log (upload_id, at, id) where upload_id is not null')
    await runner.query('create index ops_log_by_age on ops_log (at, id)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table ops_log')
  }
}
