import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * The door of the video pipeline. Its rows begin as `received`, because the bytes exist before the row. The worker computes the hash, as the gateway
 * does for streamed files; a video in another bucket is read in place.
 */
export class OpenPipelineDoor1795478400015 implements MigrationInterface {
  readonly name = 'OpenPipelineDoor1795478400015'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table uploads
        add column expected_hash text,
        add column priority text,
        add column source_bucket text,
        add column source_key text,
        add constraint uploads_expected_hash_is_sha256 check (expected_hash ~ '^[0-9a-f]{64}$'),
        add constraint uploads_priority_known check (priority in ('interactive', 'batch')),
        add constraint uploads_source_is_whole check (num_nulls(source_bucket, source_key) in (0, 2)),
        add constraint uploads_only_pipeline_has_source check (door = 'pipeline' or num_nonnulls(source_bucket, expected_hash, priority) = 0),
        drop constraint uploads_accepted_is_whole,
        add constraint uploads_accepted_is_whole check (
          state in ('receiving', 'abandoned')
          or num_nulls(asset_type, detected_type, final_key, size_bytes, etag, received_at) = 0
            and (content_hash is not null or door = 'pipeline' and state <> 'completed')),
        drop constraint uploads_size_positive,
        add constraint uploads_size_positive check (size_bytes > 0 or (size_bytes = 0 and door = 'pipeline' and state <> 'completed'))`)
    await runner.query(guardInsert(`new.state <> 'receiving' and (new.state <> 'received' or new.door <> 'pipeline')`))
    await runner.query('drop trigger uploads_guard_identity on uploads')
    await runner.query(
      guardIdentity(`${fixedBefore}
        or old.source_bucket is distinct from new.source_bucket or old.source_key is distinct from new.source_key
        or (old.door = 'pipeline' and old.content_hash is not null and old.content_hash is distinct from new.content_hash)`),
    )
    await runner.query(`create index uploads_waiting_of_project on uploads (project_id) where state = 'received' and door = 'pipeline'`)
    await runner.query(registerVideo)
    await runner.query(claim)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop function uploads_claim(uuid, double precision, integer, double precision)')
    await runner.query('drop function uploads_register_video(jsonb, boolean)')
    await runner.query('drop index uploads_waiting_of_project')
    await runner.query('drop trigger uploads_guard_identity on uploads')
    await runner.query(guardIdentity(fixedBefore))
    await runner.query(guardInsert(`new.state <> 'receiving'`))
    await runner.query(`
      alter table uploads
        drop constraint uploads_size_positive,
        add constraint uploads_size_positive check (size_bytes > 0),
        drop constraint uploads_accepted_is_whole,
        add constraint uploads_accepted_is_whole check (
          state in ('receiving', 'abandoned')
          or num_nulls(asset_type, detected_type, final_key, size_bytes, content_hash, etag, received_at) = 0),
        drop constraint uploads_only_pipeline_has_source,
        drop constraint uploads_source_is_whole,
        drop column source_key, drop column source_bucket, drop column priority, drop column expected_hash`)
  }
}

const guardInsert = (isNoBeginning: string) => `
  create or replace function uploads_guard_insert() returns trigger language plpgsql as $$
  begin
    if ${isNoBeginning} or new.attempt <> 0 then
      raise exception 'upload % begins as %, not as receiving', new.id, new.state
        using errcode = 'check_violation', table = 'uploads', constraint = 'uploads_legal_moves';
    end if;
    return new;
  end $$`

const fixedBefore = `
        old.id <> new.id or old.user_id <> new.user_id or old.quarantine_key <> new.quarantine_key
        or (old.final_key is not null and old.final_key is distinct from new.final_key)`

const guardIdentity = (isChanged: string) => `
  create trigger uploads_guard_identity before update on uploads for each row
    when (${isChanged})
    execute function uploads_guard_identity()`

/**
 * Inserts the row of an existing video. Later calls find that row, or the asset if the row has been deleted since. The video does not count against
 * its owner's hourly limit, which applies to the gateway.
 */
const registerVideo = `
  create function uploads_register_video(upload jsonb, needs_user boolean) returns text language plpgsql as $$
  declare
    added uploads := jsonb_populate_record(null::uploads, upload);
    has_user boolean := true;
  begin
    if exists (select from uploads where uploads.id = added.id) then return 'known'; end if;
    if exists (select from assets where assets.upload_id = added.id) then return 'asset'; end if;

    if not exists (select from users where users.id = added.user_id) then
      begin
        insert into users (id) values (added.user_id) on conflict do nothing;
      exception
        -- the table belongs to the product around us, which wants more of a user than an id
        when integrity_constraint_violation or insufficient_privilege or generated_always or raise_exception then
          has_user := false;
      end;
    end if;
    if needs_user and not has_user then return 'unknown_user'; end if;

    insert into uploads (id, user_id, state, door, asset_type, project_id, original_filename, declared_type, detected_type, quarantine_key,
                         source_bucket, source_key, final_key, size_bytes, etag, expected_hash, nonce, request_id, client_metadata,
                         acted_by, priority, counted, received_at)
      values (added.id, added.user_id, 'received', 'pipeline', added.asset_type, added.project_id, added.original_filename,
              added.declared_type, added.detected_type, added.quarantine_key, added.source_bucket, added.source_key, added.final_key,
              added.size_bytes, added.etag, added.expected_hash, added.nonce, added.request_id, added.client_metadata, added.acted_by,
              added.priority, false, now())
      on conflict (id) do nothing;
    if not found then return 'known'; end if;
    return case when has_user then 'registered' else 'ownerless' end;
  end $$`

/**
 * Claims an upload, unless the maximum of the pipeline's videos of its project is running: then it is due again later, so that the sweeper does not
 * enqueue it before the worker retries.
 *
 * It is a function, not a statement: a statement sees the rows as of before it waited for the lock, and would count too few.
 * Nothing is locked for uploads of other doors, or without a limit (0).
 *
 * The more videos of the project wait, the later each one retries, so that thousands of them together retry about twenty times a second.
 * The stored time is twice the time after which the worker retries.
 */
const claim = `
  create function uploads_claim(wanted uuid, lease_seconds double precision, max_running integer, crowded_seconds double precision)
  returns setof uploads language plpgsql as $$
  declare
    project uuid;
    waiting integer;
  begin
    if max_running > 0 then
      select project_id into project from uploads where id = wanted and door = 'pipeline';
    end if;
    if project is not null then
      perform pg_advisory_xact_lock(hashtextextended('running uploads of project ' || project, 0));
      if max_running <= (
        select count(*) from uploads
          where state = 'processing' and lease_until > now() and door = 'pipeline' and project_id = project and id <> wanted
      ) then
        select count(*) into waiting from (
          select from uploads where state = 'received' and door = 'pipeline' and project_id = project limit 2000) crowd;
        update uploads set next_attempt_at = now() + make_interval(secs => greatest(crowded_seconds, waiting * 0.1))
          where id = wanted and state = 'received';
        return;
      end if;
    end if;
    return query
      update uploads set
        state = 'processing', attempt = attempt + 1, processing_at = now(), updated_at = now(),
        lease_until = now() + make_interval(secs => lease_seconds), next_attempt_at = null
      where id = wanted and (state = 'received' or (state = 'processing' and lease_until <= now()))
      returning *;
  end $$`
