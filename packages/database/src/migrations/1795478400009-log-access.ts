import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Who asked for which asset, granted or refused; a partition for each month, so that old ones go as a whole.
 * The months are made while Airlock runs (`accessLog.maintain`); until then the default partition takes what comes.
 * No foreign keys: the log outlives assets and users, and also tells of assets that never were.
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
