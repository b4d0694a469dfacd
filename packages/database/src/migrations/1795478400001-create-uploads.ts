import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Uploads. There is no foreign key to users: an upload outlives its user until it is final, so that its object is removed.
 * The checks forbid rows that the code can't handle.
 */
export class CreateUploads1795478400001 implements MigrationInterface {
  readonly name = 'CreateUploads1795478400001'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table uploads (
        id uuid primary key,
        user_id uuid not null,
        state text not null,
        door text not null,
        asset_type varchar(50),
        project_id uuid,
        brand_id uuid,
        original_filename varchar(255) not null,
        declared_type varchar(255) not null,
        detected_type varchar(100),
        quarantine_key text not null,
        final_key text,
        size_bytes bigint,
        content_hash text,
        etag text,
        nonce text not null,
        attempt integer not null default 0,
        lease_until timestamptz(3),
        error_code text,
        error_title text,
        error_detail text,
        last_fault text,
        request_id text,
        counted boolean not null default true,
        created_at timestamptz(3) not null default now(),
        received_at timestamptz(3),
        processing_at timestamptz(3),
        completed_at timestamptz(3),
        rejected_at timestamptz(3),
        abandoned_at timestamptz(3),
        parked_at timestamptz(3),
        updated_at timestamptz(3) not null default now(),

        constraint uploads_quarantine_key_once unique (quarantine_key),
        constraint uploads_final_key_once unique (final_key),
        constraint uploads_state_known check (
          state in ('receiving', 'received', 'processing', 'parked', 'completed', 'rejected', 'abandoned')),
        constraint uploads_door_known check (door in ('form', 'pipeline')),
        constraint uploads_size_positive check (size_bytes > 0),
        constraint uploads_hash_is_sha256 check (content_hash ~ '^[0-9a-f]{64}$'),
        constraint uploads_attempt_counts check (attempt >= 0),
        constraint uploads_final_key_from_acceptance check (
          state not in ('receiving', 'abandoned') or num_nonnulls(final_key, received_at) = 0),
        constraint uploads_accepted_is_whole check (
          state in ('receiving', 'abandoned')
          or num_nulls(asset_type, detected_type, final_key, size_bytes, content_hash, etag, received_at) = 0),
        constraint uploads_lease_while_processing check ((state = 'processing') = (lease_until is not null)),
        constraint uploads_processed_was_claimed check (
          state not in ('processing', 'parked', 'completed') or (attempt > 0 and processing_at is not null)),
        constraint uploads_end_is_dated check (
          case state
            when 'completed' then completed_at is not null
            when 'rejected' then rejected_at is not null
            when 'abandoned' then abandoned_at is not null
            when 'parked' then parked_at is not null
            else true
          end),
        constraint uploads_refusal_is_whole check (num_nulls(error_code, error_title, error_detail) in (0, 3)),
        constraint uploads_refusal_when_refused check (
          (state in ('rejected', 'abandoned', 'parked')) = (error_code is not null))
      )`)
    for (const index of indexes) await runner.query(index)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table uploads')
  }
}

/** One index for a user's files of the last hour, and one for each state that must be moved on, in the order in which it is scanned. */
const indexes = [
  'create index uploads_files_of_the_hour on uploads (user_id, created_at) where counted',
  `create index uploads_receiving on uploads (created_at, id) where state = 'receiving'`,
  `create index uploads_received on uploads (updated_at, id) where state = 'received'`,
  `create index uploads_processing on uploads (lease_until, id) where state = 'processing'`,
  `create index uploads_parked on uploads (parked_at, id) where state = 'parked'`,
]
