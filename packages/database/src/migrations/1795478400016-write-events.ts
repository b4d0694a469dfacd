import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * The events for the surrounding product. Triggers write them for every move of an upload and every deletion of an asset, also by cascades and plain
 * SQL.
 *
 * A row is inserted without a position: rows become visible in the order of their commits, which is unknown when they are written. One relay at a
 * time gives positions to committed events, and readers go by position only.
 */
export class WriteEvents1795478400016 implements MigrationInterface {
  readonly name = 'WriteEvents1795478400016'

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...tables, ...deliveries, ...writing, ...uploadEvents, ...assetEvents]) await runner.query(statement)
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const trigger of ['uploads_write_event', 'uploads_write_completion']) await runner.query(`drop trigger ${trigger} on uploads`)
    for (const trigger of ['assets_write_expiry', 'assets_write_deletion']) await runner.query(`drop trigger ${trigger} on assets`)
    for (const table of ['webhook_deliveries', 'webhook_endpoints', 'event_relay', 'events', 'event_sequences']) {
      await runner.query(`drop table ${table}`)
    }
    for (const name of ['uploads_write_event()', 'assets_write_event()', 'events_write(text, uuid, uuid, jsonb)', 'events_ring()']) {
      await runner.query(`drop function ${name}`)
    }
  }
}

/** An event is dated by the time of its insert, not of its transaction's start, so that the events of one upload are dated in their order. */
const tables = [
  `create table event_sequences (
    upload_id uuid primary key,
    last integer not null
  )`,
  `create table events (
    id uuid primary key default gen_random_uuid(),
    type text not null,
    upload_id uuid not null,
    sequence integer not null,
    user_id uuid not null,
    payload jsonb not null,
    created_at timestamptz(3) not null default clock_timestamp(),
    position bigint,
    positioned_at timestamptz(3),

    constraint events_numbered_once unique (upload_id, sequence),
    constraint events_type_known check (
      type in ('upload.completed', 'upload.rejected', 'upload.parked', 'asset.expiring', 'asset.deleted')),
    constraint events_position_is_dated check ((position is null) = (positioned_at is null))
  )`,
  `create unique index events_final_once on events (upload_id) where type in ('upload.completed', 'upload.rejected')`,
  'create unique index events_by_position on events (position) where position is not null',
  'create index events_unpositioned on events (created_at, sequence, id) where position is null',
  `create table event_relay (
    id smallint primary key default 1,
    holder uuid,
    lease_until timestamptz(3),
    last_position bigint not null default 0,
    removed_position bigint not null default 0,

    constraint event_relay_is_one check (id = 1)
  )`,
]

/** An endpoint is identified by a name that is derived from its URL. The URL itself is not stored, because it may contain a secret. */
const deliveries = [
  `create table webhook_endpoints (
    endpoint text primary key,
    position bigint not null,
    created_at timestamptz(3) not null default now()
  )`,
  `create table webhook_deliveries (
    event_id uuid not null references events on delete cascade,
    endpoint text not null,
    upload_id uuid not null,
    position bigint not null,
    state text not null default 'pending',
    attempts integer not null default 0,
    next_attempt_at timestamptz(3) not null default now(),
    failing_since timestamptz(3),
    last_error text,
    created_at timestamptz(3) not null default now(),
    ended_at timestamptz(3),

    primary key (event_id, endpoint),
    constraint webhook_deliveries_state_known check (state in ('pending', 'delivered', 'dead')),
    constraint webhook_deliveries_end_is_dated check ((state = 'pending') = (ended_at is null))
  )`,
  `create index webhook_deliveries_due on webhook_deliveries (endpoint, next_attempt_at, position) where state = 'pending'`,
  `create index webhook_deliveries_of_upload on webhook_deliveries (endpoint, upload_id, position) where state = 'pending'`,
  `create index webhook_deliveries_waiting on webhook_deliveries (endpoint, position) where state = 'pending'`,
  `create index webhook_deliveries_dead on webhook_deliveries (endpoint, position) where state = 'dead'`,
]

/** The row of the sequence is locked until the commit, so that the events of one upload are written one after the other. */
const writing = [
  `create function events_write(text, uuid, uuid, jsonb) returns void language sql as $$
    with counted as (
      insert into event_sequences as known (upload_id, last) values ($2, 1)
      on conflict (upload_id) do update set last = known.last + 1
      returning last
    )
    insert into events (type, upload_id, sequence, user_id, payload) select $1, $2, last, $3, $4 from counted
  $$`,
  `create function events_ring() returns trigger language plpgsql as $$
  begin
    perform pg_notify('airlock_events', '');
    return null;
  end $$`,
  `create trigger events_ring after insert on events
    for each statement execute function events_ring()`,
]

/** The event of a completion is written at the commit: by then its asset exists, in whatever order the two were written. */
const uploadEvents = [
  `create function uploads_write_event() returns trigger language plpgsql as $$
  declare
    asset assets;
    ending jsonb;
  begin
    if new.state = 'completed' then
      select * into asset from assets where assets.upload_id = new.id;
      ending := jsonb_build_object('asset_id', asset.id, 's3_key', asset.s3_key, 'mime_type', asset.mime_type, 'facts', asset.metadata->'facts');
    else
      ending := jsonb_build_object(
        'error', jsonb_build_object('code', new.error_code, 'error', new.error_title, 'detail', new.error_detail));
    end if;
    perform events_write('upload.' || new.state, new.id, new.user_id, jsonb_build_object(
      'asset_type', new.asset_type, 'filename', new.original_filename, 'size_bytes', new.size_bytes, 'content_hash', new.content_hash,
      'project_id', new.project_id, 'brand_id', new.brand_id, 'metadata', new.client_metadata) || ending);
    return null;
  end $$`,
  `create constraint trigger uploads_write_completion after update on uploads deferrable initially deferred
    for each row when (old.state is distinct from new.state and new.state = 'completed')
    execute function uploads_write_event()`,
  `create trigger uploads_write_event after update on uploads
    for each row when (old.state is distinct from new.state and new.state in ('rejected', 'parked'))
    execute function uploads_write_event()`,
]

/** Only for assets of Airlock. */
const assetEvents = [
  `create function assets_write_event() returns trigger language plpgsql as $$
  declare
    asset assets;
  begin
    if tg_op = 'DELETE' then asset := old; else asset := new; end if;
    perform events_write('asset.' || tg_argv[0], asset.upload_id, asset.user_id, jsonb_build_object(
      'asset_id', asset.id, 's3_key', asset.s3_key, 'asset_type', asset.asset_type, 'filename', asset.original_filename,
      'size_bytes', asset.file_size, 'mime_type', asset.mime_type, 'content_hash', asset.metadata->'content_hash',
      'project_id', asset.project_id, 'brand_id', asset.brand_id, 'metadata', asset.metadata->'client',
      'expiring_at', to_char(asset.expiring_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')));
    return null;
  end $$`,
  `create trigger assets_write_expiry after update on assets
    for each row when (old.expiring_at is null and new.expiring_at is not null and new.upload_id is not null)
    execute function assets_write_event('expiring')`,
  `create trigger assets_write_deletion after delete on assets
    for each row when (old.upload_id is not null)
    execute function assets_write_event('deleted')`,
]
