import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Objects to which no row refers any more, and that must be removed. A trigger inserts the row when an asset is deleted, so cascades from users and
 * plain SQL leave no objects either. It is committed with the deletion, and the object is removed only after that.
 *
 * Only objects of Airlock: an asset without an upload came from the surrounding product, and its object is not ours to remove.
 */
export class PurgeDeletedAssets1795478400007 implements MigrationInterface {
  readonly name = 'PurgeDeletedAssets1795478400007'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table purges (
        key text primary key,
        upload_id uuid not null,
        requested_at timestamptz(3) not null default now(),
        done_first_at timestamptz(3),
        due_at timestamptz(3) not null default now()
      )`)
    await runner.query('create index purges_by_due on purges (due_at, key)')

    await runner.query(`
      create function purges_ring() returns trigger language plpgsql as $$
      begin
        perform pg_notify('airlock_purges', '');
        return null;
      end $$`)
    await runner.query(`
      create trigger purges_ring after insert on purges
        for each statement execute function purges_ring()`)

    await runner.query(`
      create function assets_request_purge() returns trigger language plpgsql as $$
      begin
        insert into purges (key, upload_id) values (old.s3_key, old.upload_id)
          on conflict (key) do update set requested_at = now(), done_first_at = null, due_at = now();
        return null;
      end $$`)
    await runner.query(`
      create trigger assets_request_purge after delete on assets
        for each row when (old.upload_id is not null)
        execute function assets_request_purge()`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop trigger assets_request_purge on assets')
    await runner.query('drop function assets_request_purge()')
    await runner.query('drop table purges')
    await runner.query('drop function purges_ring()')
  }
}
