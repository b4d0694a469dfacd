import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * The door of uploads that go straight to the bucket. Their rows begin as `receiving`, hours before the file is complete, with the size that the
 * client declared. A worker computes the hash, as for the pipeline's videos.
 *
 * Each check that is replaced accepts all rows that the previous one accepted, so the previous release works on this schema.
 */
export class OpenDirectDoor1795478400033 implements MigrationInterface {
  readonly name = 'OpenDirectDoor1795478400033'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table uploads
        add column capability_hash text,
        add column multipart_id text,
        add column declared_bytes bigint,
        add column part_bytes bigint,
        add column expires_at timestamptz(3)`)
    await runner.query(checks)
    // The client knows the key and the capability, so these must stay what they were when it was let in
    await runner.query(`
      create trigger uploads_guard_direct before update on uploads for each row
        when (old.door = 'direct' and (
          old.capability_hash is not null and old.capability_hash is distinct from new.capability_hash
          or old.declared_bytes is not null and old.declared_bytes is distinct from new.declared_bytes
          or old.multipart_id is not null and old.multipart_id is distinct from new.multipart_id
          or old.etag is not null and old.etag is distinct from new.etag
          or old.content_hash is not null and old.content_hash is distinct from new.content_hash))
        execute function uploads_guard_identity()`)
    await runner.query(`create index uploads_open_of_user on uploads (user_id) where state = 'receiving' and door = 'direct'`)
    await runner.query(`create index uploads_expiring on uploads (expires_at, id) where state = 'receiving' and door = 'direct'`)
    await runner.query(openDirect)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop function uploads_open_direct(jsonb, integer, bigint, integer, bigint, double precision)')
    await runner.query('drop index uploads_expiring')
    await runner.query('drop index uploads_open_of_user')
    await runner.query('drop trigger uploads_guard_direct on uploads')
    await runner.query(checksBefore)
    await runner.query(`
      alter table uploads
        drop column expires_at, drop column part_bytes, drop column declared_bytes, drop column multipart_id, drop column capability_hash`)
  }
}

const checks = `
  alter table uploads
    drop constraint uploads_door_known,
    add constraint uploads_door_known check (door in ('form', 'pipeline', 'direct')),
    drop constraint uploads_accepted_is_whole,
    add constraint uploads_accepted_is_whole check (
      state in ('receiving', 'abandoned')
      or num_nulls(asset_type, detected_type, final_key, size_bytes, etag, received_at) = 0
        and (content_hash is not null or door in ('pipeline', 'direct') and state <> 'completed')),
    drop constraint uploads_only_pipeline_has_source,
    add constraint uploads_only_pipeline_has_source check (door = 'pipeline' or num_nonnulls(source_bucket, priority) = 0),
    add constraint uploads_stored_by_others_has_expected_hash check (door in ('pipeline', 'direct') or expected_hash is null),
    add constraint uploads_capability_is_hashed check (capability_hash ~ '^[0-9a-f]{64}$'),
    add constraint uploads_only_direct_is_open check (
      door = 'direct' or num_nonnulls(capability_hash, multipart_id, declared_bytes, part_bytes, expires_at) = 0),
    add constraint uploads_direct_is_whole check (
      door <> 'direct' or state = 'receiving' or num_nulls(capability_hash, declared_bytes, expires_at) = 0),
    add constraint uploads_declared_size_positive check (declared_bytes > 0 and part_bytes > 0)`

const checksBefore = `
  alter table uploads
    drop constraint uploads_declared_size_positive,
    drop constraint uploads_direct_is_whole,
    drop constraint uploads_only_direct_is_open,
    drop constraint uploads_capability_is_hashed,
    drop constraint uploads_stored_by_others_has_expected_hash,
    drop constraint uploads_only_pipeline_has_source,
    add constraint uploads_only_pipeline_has_source check (door = 'pipeline' or num_nonnulls(source_bucket, expected_hash, priority) = 0),
    drop constraint uploads_accepted_is_whole,
    add constraint uploads_accepted_is_whole check (
      state in ('receiving', 'abandoned')
      or num_nulls(asset_type, detected_type, final_key, size_bytes, etag, received_at) = 0
        and (content_hash is not null or door = 'pipeline' and state <> 'completed')),
    drop constraint uploads_door_known,
    add constraint uploads_door_known check (door in ('form', 'pipeline'))`

/**
 * Opens a direct upload: counts the user's open uploads and their declared bytes, then registers it as any other file. It takes the same lock as
 * uploads_register first, so that all limits are exact, also when many gateways serve the user at once.
 */
const openDirect = `
  create function uploads_open_direct(upload jsonb, files_per_hour integer, max_parked_bytes bigint, max_open integer, max_open_bytes bigint,
                                      open_seconds double precision)
  returns table (outcome text, files_used integer, retry_after_seconds integer)
  language plpgsql as $$
  declare
    added uploads := jsonb_populate_record(null::uploads, upload);
    open_count bigint;
    open_bytes numeric;
    registered record;
  begin
    perform pg_advisory_xact_lock(hashtextextended('uploads of user ' || added.user_id, 0));
    select count(*), coalesce(sum(declared_bytes), 0) into open_count, open_bytes from uploads
      where uploads.user_id = added.user_id and uploads.state = 'receiving' and uploads.door = 'direct';
    if open_count >= max_open or open_bytes + added.declared_bytes > max_open_bytes then
      return query select 'open_full', 0, 0;
      return;
    end if;
    select * into registered from uploads_register(upload, files_per_hour, max_parked_bytes);
    if registered.outcome = 'registered' then
      update uploads set
        capability_hash = added.capability_hash, declared_bytes = added.declared_bytes, part_bytes = added.part_bytes,
        expected_hash = added.expected_hash, client_metadata = added.client_metadata, acted_by = added.acted_by,
        expires_at = created_at + make_interval(secs => open_seconds)
      where uploads.id = added.id;
    end if;
    return query select registered.outcome, registered.files_used, registered.retry_after_seconds;
  end $$`
