import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Accesses to assets, granted or refused, with a partition for each month, so that old ones are dropped as a whole.
 * `accessLog.maintain` creates the partitions; until then the default partition takes the entries.
 * There are no foreign keys: the log outlives assets and users, and has requests for assets that never existed.
 */
export class LogAccess1795478400009 implements MigrationInterface {
  readonly name = 'LogAccess1795478400009'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table asset_access_log (
        at timestamptz(3) not null default now(),
        user_id uuid not null,
        asset_id uuid not null,
        action varchar(40) not null,
        result varchar(40) not null,
        hours integer,
        request_id varchar(200),
        ip_hash varchar(128)
      ) partition by range (at)`)
    await runner.query('create table asset_access_log_rest partition of asset_access_log default')
    await runner.query('create index asset_access_log_of_asset on asset_access_log (asset_id, at)')
    await runner.query('create index asset_access_log_of_user on asset_access_log (user_id, at)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table asset_access_log')
  }
}
