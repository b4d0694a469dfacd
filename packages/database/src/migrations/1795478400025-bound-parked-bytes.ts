import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Registers an upload unless its owner has too many bytes parked: parked uploads are kept, so their size must be bounded. */
export class BoundParkedBytes1795478400025 implements MigrationInterface {
  readonly name = 'BoundParkedBytes1795478400025'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create index uploads_parked_of_user on uploads (user_id) where state = 'parked'`)
    // In addition to the function with two parameters, which gateways of the previous version still call. Bytes in other buckets do not count
    await runner.query(`
      create function uploads_register(upload jsonb, files_per_hour integer, max_parked_bytes bigint)
      returns table (outcome text, files_used integer, retry_after_seconds integer)
      language plpgsql as $$
      begin
        if max_parked_bytes <= (
          select coalesce(sum(size_bytes), 0) from uploads
            where user_id = (upload ->> 'user_id')::uuid and state = 'parked' and source_bucket is null
        ) then
          return query select 'parked_full', 0, 0;
          return;
        end if;
        return query select * from uploads_register(upload, files_per_hour);
      end $$`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop function uploads_register(jsonb, integer, bigint)')
    await runner.query('drop index uploads_parked_of_user')
  }
}
