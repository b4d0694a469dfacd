import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Counts a user's files of the last hour and adds one, or refuses it.
 *
 * It is a function, not a statement: a statement sees the rows as of before it waited for the lock, and would count too few; each statement in a
 * volatile function sees the current rows. It also takes one round trip for each file.
 * Times are taken after the lock, so that the rows of one user are dated in the order in which they were counted.
 */
export class RegisterUpload1795478400003 implements MigrationInterface {
  readonly name = 'RegisterUpload1795478400003'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function uploads_register(upload jsonb, files_per_hour integer)
      returns table (outcome text, files_used integer, retry_after_seconds integer)
      language plpgsql as $$
      declare
        added uploads := jsonb_populate_record(null::uploads, upload);
        moment timestamptz;
        used integer;
        frees_at timestamptz;
      begin
        perform pg_advisory_xact_lock(hashtextextended('uploads of user ' || added.user_id, 0));
        moment := clock_timestamp();

        if not exists (select from users where users.id = added.user_id) then
          begin
            insert into users (id) values (added.user_id) on conflict do nothing;
          exception
            -- the table belongs to the product around us, which wants more of a user than an id
            when integrity_constraint_violation or insufficient_privilege or generated_always or raise_exception then
              return query select 'unknown_user', 0, 0;
              return;
          end;
        end if;

        select count(*) into used from uploads
          where uploads.user_id = added.user_id and uploads.counted and uploads.created_at > moment - interval '1 hour';
        if used >= files_per_hour then
          select uploads.created_at + interval '1 hour' into frees_at from uploads
            where uploads.user_id = added.user_id and uploads.counted and uploads.created_at > moment - interval '1 hour'
            order by uploads.created_at desc offset greatest(files_per_hour - 1, 0) limit 1;
          return query select 'limit_reached', used, greatest(1, ceil(extract(epoch from frees_at - moment)))::integer;
          return;
        end if;

        insert into uploads (id, user_id, state, door, asset_type, project_id, brand_id, original_filename, declared_type,
                             quarantine_key, nonce, request_id, created_at, updated_at)
          values (added.id, added.user_id, 'receiving', added.door, added.asset_type, added.project_id, added.brand_id,
                  added.original_filename, added.declared_type, added.quarantine_key, added.nonce, added.request_id, moment, moment);
        return query select 'registered', used + 1, 0;
      end $$`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop function uploads_register(jsonb, integer)')
  }
}
