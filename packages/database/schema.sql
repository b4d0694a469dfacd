-- What the migrations make. Printed by `npm run schema`; a test fails when it is out of date. Not to be edited.

create table asset_access_log (
  at timestamp(3) with time zone default now() not null,
  user_id uuid not null,
  asset_id uuid not null,
  action character varying(40) not null,
  result character varying(40) not null,
  hours integer,
  request_id character varying(200),
  ip_hash character varying(128)
) partition by RANGE (at);

create table asset_access_log_rest partition of asset_access_log default;

create table assets (
  id uuid default gen_random_uuid() not null,
  user_id uuid not null,
  s3_key text not null,
  original_filename character varying(255),
  file_size bigint,
  mime_type character varying(100),
  asset_type character varying(50),
  project_id uuid,
  brand_id uuid,
  upload_id uuid,
  metadata jsonb,
  last_accessed_at timestamp(3) with time zone,
  expiring_at timestamp(3) with time zone,
  created_at timestamp(3) with time zone default now() not null,
  updated_at timestamp(3) with time zone default now() not null,
  constraint assets_pkey PRIMARY KEY (id),
  constraint assets_s3_key_key UNIQUE (s3_key),
  constraint assets_upload_id_key UNIQUE (upload_id),
  constraint assets_of_uploads_are_whole CHECK (upload_id IS NULL OR num_nulls(original_filename, file_size, mime_type, asset_type, metadata) = 0)
);

create table brand_image_lists (
  user_id uuid not null,
  brand_id uuid not null,
  updated_at timestamp(3) with time zone default now() not null,
  constraint brand_image_lists_pkey PRIMARY KEY (user_id, brand_id)
);

create table brand_product_images (
  user_id uuid not null,
  brand_id uuid not null,
  "position" smallint not null,
  s3_key text not null,
  constraint brand_product_images_pkey PRIMARY KEY (user_id, brand_id, "position"),
  constraint brand_product_images_position_counts CHECK ("position" >= 1 AND "position" <= 10)
);

create table event_relay (
  id smallint default 1 not null,
  holder uuid,
  lease_until timestamp(3) with time zone,
  last_position bigint default 0 not null,
  removed_position bigint default 0 not null,
  constraint event_relay_pkey PRIMARY KEY (id),
  constraint event_relay_is_one CHECK (id = 1)
);

create table event_sequences (
  upload_id uuid not null,
  last integer not null,
  constraint event_sequences_pkey PRIMARY KEY (upload_id)
);

create table events (
  id uuid default gen_random_uuid() not null,
  type text not null,
  upload_id uuid not null,
  sequence integer not null,
  user_id uuid not null,
  payload jsonb not null,
  created_at timestamp(3) with time zone default clock_timestamp() not null,
  "position" bigint,
  positioned_at timestamp(3) with time zone,
  constraint events_pkey PRIMARY KEY (id),
  constraint events_numbered_once UNIQUE (upload_id, sequence),
  constraint events_position_is_dated CHECK (("position" IS NULL) = (positioned_at IS NULL)),
  constraint events_type_known CHECK (type = ANY (ARRAY['upload.completed'::text, 'upload.rejected'::text, 'upload.parked'::text, 'asset.expiring'::text, 'asset.deleted'::text]))
);

create table idempotency_keys (
  user_id uuid not null,
  key character varying(255) not null,
  token uuid not null,
  state text default 'in_flight'::text not null,
  fingerprint text,
  answer jsonb,
  upload_ids uuid[] default '{}'::uuid[] not null,
  lease_until timestamp(3) with time zone not null,
  created_at timestamp(3) with time zone default now() not null,
  expires_at timestamp(3) with time zone not null,
  constraint idempotency_keys_pkey PRIMARY KEY (user_id, key),
  constraint idempotency_keys_done_is_whole CHECK ((state = 'done'::text) = (num_nulls(fingerprint, answer) = 0)),
  constraint idempotency_keys_state_known CHECK (state = ANY (ARRAY['in_flight'::text, 'done'::text]))
);

create table lane_turns (
  lane text not null,
  last_user uuid not null,
  constraint lane_turns_pkey PRIMARY KEY (lane)
);

create table ops_log (
  id uuid default gen_random_uuid() not null,
  at timestamp(3) with time zone default now() not null,
  operator text not null,
  action text not null,
  upload_id uuid,
  lane text,
  reason text,
  request_id text,
  details jsonb default '{}'::jsonb not null,
  constraint ops_log_pkey PRIMARY KEY (id)
);

create table purges (
  key text not null,
  upload_id uuid not null,
  requested_at timestamp(3) with time zone default now() not null,
  done_first_at timestamp(3) with time zone,
  due_at timestamp(3) with time zone default now() not null,
  constraint purges_pkey PRIMARY KEY (key)
);

create table sweeper (
  id smallint default 1 not null,
  holder uuid,
  lease_until timestamp(3) with time zone,
  ended_at timestamp(3) with time zone,
  places jsonb default '{}'::jsonb not null,
  constraint sweeper_pkey PRIMARY KEY (id),
  constraint sweeper_is_one CHECK (id = 1)
);

create table uploads (
  id uuid not null,
  user_id uuid not null,
  state text not null,
  door text not null,
  asset_type character varying(50),
  project_id uuid,
  brand_id uuid,
  original_filename character varying(255) not null,
  declared_type character varying(255) not null,
  detected_type character varying(100),
  quarantine_key text not null,
  final_key text,
  size_bytes bigint,
  content_hash text,
  etag text,
  nonce text not null,
  attempt integer default 0 not null,
  lease_until timestamp(3) with time zone,
  error_code text,
  error_title text,
  error_detail text,
  last_fault text,
  request_id text,
  counted boolean default true not null,
  created_at timestamp(3) with time zone default now() not null,
  received_at timestamp(3) with time zone,
  processing_at timestamp(3) with time zone,
  completed_at timestamp(3) with time zone,
  rejected_at timestamp(3) with time zone,
  abandoned_at timestamp(3) with time zone,
  parked_at timestamp(3) with time zone,
  updated_at timestamp(3) with time zone default now() not null,
  client_metadata jsonb,
  acted_by uuid,
  version bigint default 0 not null,
  failing_since timestamp(3) with time zone,
  next_attempt_at timestamp(3) with time zone,
  expected_hash text,
  priority text,
  source_bucket text,
  source_key text,
  handed_back integer default 0 not null,
  failed_inspections smallint default 0 not null,
  traceparent character varying(55),
  capability_hash text,
  multipart_id text,
  declared_bytes bigint,
  part_bytes bigint,
  expires_at timestamp(3) with time zone,
  constraint uploads_pkey PRIMARY KEY (id),
  constraint uploads_final_key_once UNIQUE (final_key),
  constraint uploads_quarantine_key_once UNIQUE (quarantine_key)
);

alter table uploads set (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=10000, autovacuum_vacuum_insert_scale_factor=0, autovacuum_vacuum_insert_threshold=10000);

create table users (
  id uuid not null,
  created_at timestamp(3) with time zone default now() not null,
  constraint users_pkey PRIMARY KEY (id)
);

comment on table users is 'made by Airlock';

create table webhook_deliveries (
  event_id uuid not null,
  endpoint text not null,
  upload_id uuid not null,
  "position" bigint not null,
  state text default 'pending'::text not null,
  attempts integer default 0 not null,
  next_attempt_at timestamp(3) with time zone default now() not null,
  failing_since timestamp(3) with time zone,
  last_error text,
  created_at timestamp(3) with time zone default now() not null,
  ended_at timestamp(3) with time zone,
  constraint webhook_deliveries_pkey PRIMARY KEY (event_id, endpoint),
  constraint webhook_deliveries_end_is_dated CHECK ((state = 'pending'::text) = (ended_at IS NULL)),
  constraint webhook_deliveries_state_known CHECK (state = ANY (ARRAY['pending'::text, 'delivered'::text, 'dead'::text]))
);

create table webhook_endpoints (
  endpoint text not null,
  "position" bigint not null,
  created_at timestamp(3) with time zone default now() not null,
  constraint webhook_endpoints_pkey PRIMARY KEY (endpoint)
);

alter table assets add constraint assets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

alter table brand_image_lists add constraint brand_image_lists_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

alter table brand_product_images add constraint brand_product_images_of_list FOREIGN KEY (user_id, brand_id) REFERENCES brand_image_lists(user_id, brand_id) ON DELETE CASCADE;

alter table brand_product_images add constraint brand_product_images_s3_key_fkey FOREIGN KEY (s3_key) REFERENCES assets(s3_key) DEFERRABLE INITIALLY DEFERRED;

alter table webhook_deliveries add constraint webhook_deliveries_event_id_fkey FOREIGN KEY (event_id) REFERENCES events(id) ON DELETE CASCADE;

CREATE INDEX asset_access_log_of_asset ON asset_access_log USING btree (asset_id, at);

CREATE INDEX asset_access_log_of_user ON asset_access_log USING btree (user_id, at);

CREATE INDEX assets_by_age ON assets USING btree (created_at);

CREATE INDEX assets_by_key ON assets USING btree (s3_key COLLATE "C");

CREATE INDEX assets_expiring ON assets USING btree (expiring_at, id) WHERE expiring_at IS NOT NULL;

CREATE INDEX assets_listed ON assets USING btree (user_id, (created_at AT TIME ZONE 'UTC'::text) DESC, id);

CREATE INDEX assets_listed_by_brand ON assets USING btree (user_id, brand_id, (created_at AT TIME ZONE 'UTC'::text) DESC, id, asset_type) WHERE brand_id IS NOT NULL;

CREATE INDEX assets_listed_by_kind ON assets USING btree (user_id, asset_type, (created_at AT TIME ZONE 'UTC'::text) DESC, id);

CREATE INDEX assets_listed_by_kind_ai ON assets USING btree (user_id, asset_type, COALESCE(metadata #>> '{facts,provenance,ai_generated}'::text[], metadata #>> '{facts,provenance,declared,ai_generated}'::text[]), (created_at AT TIME ZONE 'UTC'::text) DESC, id) WHERE COALESCE(metadata #>> '{facts,provenance,ai_generated}'::text[], metadata #>> '{facts,provenance,declared,ai_generated}'::text[]) IS NOT NULL;

CREATE INDEX assets_listed_by_kind_ai_and_provenance ON assets USING btree (user_id, asset_type, COALESCE(metadata #>> '{facts,provenance,ai_generated}'::text[], metadata #>> '{facts,provenance,declared,ai_generated}'::text[]), COALESCE(metadata #>> '{facts,provenance,state}'::text[],
CASE metadata #>> '{facts,provenance,present}'::text[]
    WHEN 'false'::text THEN 'none'::text
    ELSE NULL::text
END), (created_at AT TIME ZONE 'UTC'::text) DESC, id) WHERE COALESCE(metadata #>> '{facts,provenance,ai_generated}'::text[], metadata #>> '{facts,provenance,declared,ai_generated}'::text[]) IS NOT NULL;

CREATE INDEX assets_listed_by_kind_provenance ON assets USING btree (user_id, asset_type, COALESCE(metadata #>> '{facts,provenance,state}'::text[],
CASE metadata #>> '{facts,provenance,present}'::text[]
    WHEN 'false'::text THEN 'none'::text
    ELSE NULL::text
END), (created_at AT TIME ZONE 'UTC'::text) DESC, id) WHERE COALESCE(metadata #>> '{facts,provenance,state}'::text[],
CASE metadata #>> '{facts,provenance,present}'::text[]
    WHEN 'false'::text THEN 'none'::text
    ELSE NULL::text
END) IS NOT NULL;

CREATE INDEX assets_listed_by_project ON assets USING btree (user_id, project_id, (created_at AT TIME ZONE 'UTC'::text) DESC, id, asset_type) WHERE project_id IS NOT NULL;

CREATE INDEX assets_of_kind ON assets USING btree (asset_type, created_at);

CREATE INDEX assets_of_user ON assets USING btree (user_id, created_at DESC, id);

CREATE UNIQUE INDEX brand_product_images_of_asset ON brand_product_images USING btree (s3_key, user_id, brand_id);

CREATE UNIQUE INDEX events_by_position ON events USING btree ("position") WHERE "position" IS NOT NULL;

CREATE UNIQUE INDEX events_final_once ON events USING btree (upload_id) WHERE type = ANY (ARRAY['upload.completed'::text, 'upload.rejected'::text]);

CREATE INDEX events_unpositioned ON events USING btree (created_at, sequence, id) WHERE "position" IS NULL;

CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys USING btree (expires_at);

CREATE INDEX ops_log_by_age ON ops_log USING btree (at, id);

CREATE INDEX ops_log_of_upload ON ops_log USING btree (upload_id, at, id) WHERE upload_id IS NOT NULL;

CREATE INDEX purges_by_due ON purges USING btree (due_at, key);

CREATE INDEX uploads_due ON uploads USING btree (asset_type, GREATEST(updated_at, next_attempt_at)) INCLUDE (updated_at, next_attempt_at) WHERE state = 'received'::text;

CREATE INDEX uploads_ended ON uploads USING btree (updated_at, id) WHERE state = ANY (ARRAY['completed'::text, 'rejected'::text, 'abandoned'::text]);

CREATE INDEX uploads_expiring ON uploads USING btree (expires_at, id) WHERE state = 'receiving'::text AND door = 'direct'::text;

CREATE INDEX uploads_files_of_the_hour ON uploads USING btree (user_id, created_at) WHERE counted;

CREATE INDEX uploads_listed ON uploads USING btree (user_id, state, created_at DESC, id DESC);

CREATE INDEX uploads_open_of_user ON uploads USING btree (user_id) WHERE state = 'receiving'::text AND door = 'direct'::text;

CREATE INDEX uploads_parked ON uploads USING btree (parked_at, id) WHERE state = 'parked'::text;

CREATE INDEX uploads_parked_of_user ON uploads USING btree (user_id) WHERE state = 'parked'::text;

CREATE INDEX uploads_processing ON uploads USING btree (lease_until, id) WHERE state = 'processing'::text;

CREATE INDEX uploads_received ON uploads USING btree (updated_at, id) WHERE state = 'received'::text;

CREATE INDEX uploads_receiving ON uploads USING btree (created_at, id) WHERE state = 'receiving'::text;

CREATE INDEX uploads_waiting_of_project ON uploads USING btree (project_id) WHERE state = 'received'::text AND door = 'pipeline'::text;

CREATE INDEX uploads_waiting_of_user ON uploads USING btree (asset_type, COALESCE(priority, 'interactive'::text), user_id, COALESCE(next_attempt_at, '-infinity'::timestamp with time zone), received_at) WHERE state = 'received'::text;

CREATE INDEX webhook_deliveries_dead ON webhook_deliveries USING btree (endpoint, "position") WHERE state = 'dead'::text;

CREATE INDEX webhook_deliveries_due ON webhook_deliveries USING btree (endpoint, next_attempt_at, "position") WHERE state = 'pending'::text;

CREATE INDEX webhook_deliveries_of_upload ON webhook_deliveries USING btree (endpoint, upload_id, "position") WHERE state = 'pending'::text;

CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries USING btree (endpoint, "position") WHERE state = 'pending'::text;

create view lane_load as
 WITH kinds(lane, asset_type) AS (
         VALUES ('images'::text,'brand_image'::text), ('videos'::text,'generated_video'::text), ('training'::text,'lora_training'::text)
        )
 SELECT kinds.lane,
    sum(received.due + claimed.lapsed)::bigint AS waiting,
    sum(received.delayed)::bigint AS delayed,
    sum(claimed.processing)::bigint AS processing,
    COALESCE(GREATEST(EXTRACT(epoch FROM now() - LEAST(min(received.oldest), min(claimed.oldest))), 0::numeric), 0::numeric)::double precision AS oldest_seconds
   FROM kinds
     CROSS JOIN LATERAL ( SELECT ( SELECT count(*) AS count
                   FROM uploads
                  WHERE uploads.state = 'received'::text AND uploads.asset_type::text = kinds.asset_type AND GREATEST(uploads.updated_at, uploads.next_attempt_at) <= now()) AS due,
            ( SELECT count(*) AS count
                   FROM uploads
                  WHERE uploads.state = 'received'::text AND uploads.asset_type::text = kinds.asset_type AND GREATEST(uploads.updated_at, uploads.next_attempt_at) > now()) AS delayed,
            ( SELECT GREATEST(uploads.updated_at, uploads.next_attempt_at) AS "greatest"
                   FROM uploads
                  WHERE uploads.state = 'received'::text AND uploads.asset_type::text = kinds.asset_type
                  ORDER BY (GREATEST(uploads.updated_at, uploads.next_attempt_at))
                 LIMIT 1) AS oldest) received
     CROSS JOIN LATERAL ( SELECT count(*) FILTER (WHERE uploads.lease_until > now()) AS processing,
            count(*) FILTER (WHERE uploads.lease_until <= now()) AS lapsed,
            min(uploads.lease_until) FILTER (WHERE uploads.lease_until <= now()) AS oldest
           FROM uploads
          WHERE uploads.state = 'processing'::text AND uploads.asset_type::text = kinds.asset_type) claimed
  GROUP BY kinds.lane;

comment on view lane_load is 'the work of each lane; made by Airlock for metrics and autoscalers';

CREATE OR REPLACE FUNCTION assets_request_purge()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      begin
        insert into purges (key, upload_id) values (old.s3_key, old.upload_id)
          on conflict (key) do update set requested_at = now(), done_first_at = null, due_at = now();
        return null;
      end $function$;

CREATE OR REPLACE FUNCTION assets_write_event()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
  end $function$;

CREATE OR REPLACE FUNCTION events_place(max_events integer, OUT placed integer, OUT last bigint)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
  begin
    if not pg_try_advisory_xact_lock(hashtextextended('event relay', 0)) then return; end if;
    insert into event_relay (id) select 1 where not exists (select from event_relay) on conflict (id) do nothing;
    select last_position into last from event_relay where lease_until is null or lease_until <= now() for update;
    if not found then return; end if;

    with batch as (
      select id, row_number() over (order by created_at, sequence, id) as number
      from (select id, created_at, sequence from events where position is null order by created_at, sequence, id limit max_events) as waiting
    )
    update events set position = last + batch.number, positioned_at = now() from batch where events.id = batch.id;
    get diagnostics placed = row_count;
    if placed > 0 then
      last := last + placed;
      update event_relay set last_position = last;
      perform pg_notify('airlock_event_feed', '');
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION events_ring()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
  begin
    perform pg_notify('airlock_events', '');
    return null;
  end $function$;

CREATE OR REPLACE FUNCTION events_write(text, uuid, uuid, jsonb)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  declare
    number integer;
  begin
    insert into event_sequences as known (upload_id, last) values ($2, 1)
      on conflict (upload_id) do update set last = known.last + 1
      returning last into number;
    insert into events (type, upload_id, sequence, user_id, payload) values ($1, $2, number, $3, $4);
  end $function$;

CREATE OR REPLACE FUNCTION purges_ring()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      begin
        perform pg_notify('airlock_purges', '');
        return null;
      end $function$;

CREATE OR REPLACE FUNCTION uploads_claim(wanted uuid, lease_seconds double precision, max_running integer, crowded_seconds double precision)
 RETURNS SETOF uploads
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
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
  end $function$;

CREATE OR REPLACE FUNCTION uploads_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
  declare
    violated text;
  begin
    if tg_op = 'INSERT' then
      if new.state <> 'receiving' and (new.state <> 'received' or new.door <> 'pipeline') or new.attempt <> 0 then
        raise exception 'upload % begins as %, not as receiving', new.id, new.state using errcode = 'check_violation', table = 'uploads', constraint = 'uploads_legal_moves';
      end if;
    else
      if 
        old.id <> new.id or old.user_id <> new.user_id or old.quarantine_key <> new.quarantine_key
        or (old.final_key is not null and old.final_key is distinct from new.final_key)
        or old.source_bucket is distinct from new.source_bucket or old.source_key is distinct from new.source_key
        or (old.door = 'pipeline' and old.content_hash is not null and old.content_hash is distinct from new.content_hash)
        or 
        old.door = 'direct' and (
          old.capability_hash is not null and old.capability_hash is distinct from new.capability_hash
          or old.declared_bytes is not null and old.declared_bytes is distinct from new.declared_bytes
          or old.multipart_id is not null and old.multipart_id is distinct from new.multipart_id
          or old.etag is not null and old.etag is distinct from new.etag
          or old.content_hash is not null and old.content_hash is distinct from new.content_hash)
      then
        raise exception 'upload % may not change its owner or its keys', old.id using errcode = 'check_violation', table = 'uploads', constraint = 'uploads_identity_fixed';
      end if;
      if old.state is distinct from new.state or old.attempt is distinct from new.attempt then
        if (old.state, new.state) not in (
          ('receiving', 'received'),
          ('receiving', 'abandoned'),
          ('received', 'processing'),
          ('received', 'rejected'),
          ('processing', 'processing'),
          ('processing', 'completed'),
          ('processing', 'rejected'),
          ('processing', 'received'),
          ('processing', 'parked'),
          ('parked', 'received'),
          ('parked', 'rejected')
        ) or new.attempt <> old.attempt + (new.state = 'processing')::integer then
          raise exception 'upload % may not move from % (attempt %) to % (attempt %)',
            old.id, old.state, old.attempt, new.state, new.attempt using errcode = 'check_violation', table = 'uploads', constraint = 'uploads_legal_moves';
        end if;
        new.version := old.version + 1;
        if old.state <> 'receiving' then
          perform pg_notify('airlock_uploads', new.id || ':' || new.state);
        end if;
      end if;
    end if;
    violated := case
      when not (
      new.state in ('receiving', 'abandoned')
      or num_nulls(new.asset_type, new.detected_type, new.final_key, new.size_bytes, new.etag, new.received_at) = 0
        and (new.content_hash is not null or new.door in ('pipeline', 'direct') and new.state <> 'completed')) then 'uploads_accepted_is_whole'
      when not (new.attempt >= 0) then 'uploads_attempt_counts'
      when not (new.capability_hash ~ '^[0-9a-f]{64}$') then 'uploads_capability_is_hashed'
      when not (jsonb_typeof(new.client_metadata) = 'object' and pg_column_size(new.client_metadata) <= 32768) then 'uploads_client_metadata_is_small'
      when not (new.declared_bytes > 0 and new.part_bytes > 0) then 'uploads_declared_size_positive'
      when not (
      new.door <> 'direct' or new.state = 'receiving' or num_nulls(new.capability_hash, new.declared_bytes, new.expires_at) = 0) then 'uploads_direct_is_whole'
      when not (new.door in ('form', 'pipeline', 'direct')) then 'uploads_door_known'
      when not (
      case new.state
        when 'completed' then new.completed_at is not null
        when 'rejected' then new.rejected_at is not null
        when 'abandoned' then new.abandoned_at is not null
        when 'parked' then new.parked_at is not null
        else true
      end) then 'uploads_end_is_dated'
      when not (new.expected_hash ~ '^[0-9a-f]{64}$') then 'uploads_expected_hash_is_sha256'
      when not (
      new.state not in ('receiving', 'abandoned') or num_nonnulls(new.final_key, new.received_at) = 0) then 'uploads_final_key_from_acceptance'
      when not (new.content_hash ~ '^[0-9a-f]{64}$') then 'uploads_hash_is_sha256'
      when not ((new.state = 'processing') = (new.lease_until is not null)) then 'uploads_lease_while_processing'
      when not (
      new.door = 'direct'
      or num_nonnulls(new.capability_hash, new.multipart_id, new.declared_bytes, new.part_bytes, new.expires_at) = 0) then 'uploads_only_direct_is_open'
      when not (new.door = 'pipeline' or num_nonnulls(new.source_bucket, new.priority) = 0) then 'uploads_only_pipeline_has_source'
      when not (new.priority in ('interactive', 'batch')) then 'uploads_priority_known'
      when not (
      new.state not in ('processing', 'parked', 'completed') or new.attempt > 0 and new.processing_at is not null) then 'uploads_processed_was_claimed'
      when not (num_nulls(new.error_code, new.error_title, new.error_detail) in (0, 3)) then 'uploads_refusal_is_whole'
      when not ((new.state in ('rejected', 'abandoned', 'parked')) = (new.error_code is not null)) then 'uploads_refusal_when_refused'
      when not (
      new.size_bytes > 0 or new.size_bytes = 0 and new.door = 'pipeline' and new.state <> 'completed') then 'uploads_size_positive'
      when not (num_nulls(new.source_bucket, new.source_key) in (0, 2)) then 'uploads_source_is_whole'
      when not (
      new.state in ('receiving', 'received', 'processing', 'parked', 'completed', 'rejected', 'abandoned')) then 'uploads_state_known'
      when not (new.door in ('pipeline', 'direct') or new.expected_hash is null) then 'uploads_stored_by_others_has_expected_hash'
    end;
    if violated is not null then
      raise exception 'upload % violates the constraint %', new.id, violated using errcode = 'check_violation', table = 'uploads', constraint = violated;
    end if;
    return new;
  end $function$;

CREATE OR REPLACE FUNCTION uploads_next_in_turn(lane_name text, kinds text[], wanted uuid, not_now uuid[])
 RETURNS TABLE(owner uuid, next_id uuid, next_user uuid, next_priority text)
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_sort TO 'off'
 SET jit TO 'off'
AS $function$
  #variable_conflict use_column
  declare
    class text;
    nobody constant uuid := '00000000-0000-0000-0000-000000000000';
    running jsonb;
    last uuid;
    place uuid;
    candidate uuid;
    soonest record;
    fewest integer;
    theirs integer;
    around boolean := false;
    passed boolean := false;
  begin
    select user_id, coalesce(priority, 'interactive') into owner, class from uploads
      where id = wanted and (state = 'received' or (state = 'processing' and lease_until <= now()));
    if owner is null then return; end if;

    select coalesce(jsonb_object_agg(user_id, count), '{}') into running from (
      select user_id, count(*) from uploads
        where state = 'processing' and lease_until > now() and asset_type = any(kinds) group by user_id) as counted;
    if owner <> all(not_now) then fewest := coalesce((running ->> owner::text)::integer, 0); end if;

    select last_user into last from lane_turns where lane = lane_name;
    last := coalesce(last, nobody);
    place := last;
    for step in 1..1000 loop
      select ahead.user_id into candidate from unnest(kinds) as kind
        cross join lateral (
          select user_id from uploads
            where state = 'received' and asset_type = kind and coalesce(priority, 'interactive') = class and user_id > place
            order by user_id limit 1
        ) as ahead
        order by 1 limit 1;
      if candidate is null then
        exit when around;
        around := true;
        place := nobody;
        continue;
      end if;
      exit when around and candidate > last;
      place := candidate;
      passed := case when around then owner > last or candidate >= owner else owner > last and candidate >= owner end;
      exit when passed and fewest = 0;
      continue when candidate = owner or candidate = any(not_now);
      theirs := coalesce((running ->> candidate::text)::integer, 0);
      continue when theirs > fewest or (theirs = fewest and (passed or next_id is not null));

      select due.id, due.priority, due.at into soonest from unnest(kinds) as kind
        cross join lateral (
          select id, priority, coalesce(next_attempt_at, '-infinity'::timestamptz) as at from uploads
            where state = 'received' and asset_type = kind and coalesce(priority, 'interactive') = class and user_id = candidate
            order by coalesce(next_attempt_at, '-infinity'::timestamptz), received_at limit 1
        ) as due
        order by due.at limit 1;
      continue when soonest.at > now();
      next_id := soonest.id;
      next_user := candidate;
      next_priority := soonest.priority;
      fewest := theirs;
      exit when fewest = 0;
    end loop;


    if next_id is null and owner <> all(not_now) and (last = nobody or owner <> last) then
      perform set_config('synchronous_commit', 'off', true);
      insert into lane_turns (lane, last_user) values (lane_name, owner)
        on conflict (lane) do update set last_user = excluded.last_user;
    end if;
    return next;
  end $function$;

CREATE OR REPLACE FUNCTION uploads_open_direct(upload jsonb, files_per_hour integer, max_parked_bytes bigint, max_open integer, max_open_bytes bigint, open_seconds double precision)
 RETURNS TABLE(outcome text, files_used integer, retry_after_seconds integer)
 LANGUAGE plpgsql
AS $function$
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
  end $function$;

CREATE OR REPLACE FUNCTION uploads_register(upload jsonb, files_per_hour integer)
 RETURNS TABLE(outcome text, files_used integer, retry_after_seconds integer)
 LANGUAGE plpgsql
AS $function$
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
      end $function$;

CREATE OR REPLACE FUNCTION uploads_register(upload jsonb, files_per_hour integer, max_parked_bytes bigint)
 RETURNS TABLE(outcome text, files_used integer, retry_after_seconds integer)
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
  declare
    added uploads := jsonb_populate_record(null::uploads, upload);
    moment timestamptz;
    has_user boolean;
    parked_bytes numeric;
    frees_at timestamptz;
  begin
    perform pg_advisory_xact_lock(hashtextextended('uploads of user ' || added.user_id, 0));
    moment := clock_timestamp();
    retry_after_seconds := 0;

    select
      exists (select from users where users.id = added.user_id),
      (select coalesce(sum(size_bytes), 0) from uploads
        where uploads.user_id = added.user_id and uploads.state = 'parked' and uploads.source_bucket is null),
      (select count(*) from uploads
        where uploads.user_id = added.user_id and uploads.counted and uploads.created_at > moment - interval '1 hour')
      into has_user, parked_bytes, files_used;

    if max_parked_bytes <= parked_bytes then
      outcome := 'parked_full';
      files_used := 0;
      return next;
      return;
    end if;

    if not has_user then
      begin
        insert into users (id) values (added.user_id) on conflict do nothing;
      exception
        -- the table belongs to the product around us, which wants more of a user than an id
        when integrity_constraint_violation or insufficient_privilege or generated_always or raise_exception then
          outcome := 'unknown_user';
          files_used := 0;
          return next;
          return;
      end;
    end if;

    if files_used >= files_per_hour then
      select uploads.created_at + interval '1 hour' into frees_at from uploads
        where uploads.user_id = added.user_id and uploads.counted and uploads.created_at > moment - interval '1 hour'
        order by uploads.created_at desc offset greatest(files_per_hour - 1, 0) limit 1;
      outcome := 'limit_reached';
      retry_after_seconds := greatest(1, ceil(extract(epoch from frees_at - moment)))::integer;
      return next;
      return;
    end if;

    insert into uploads (id, user_id, state, door, asset_type, project_id, brand_id, original_filename, declared_type,
                         quarantine_key, nonce, request_id, created_at, updated_at)
      values (added.id, added.user_id, 'receiving', added.door, added.asset_type, added.project_id, added.brand_id,
              added.original_filename, added.declared_type, added.quarantine_key, added.nonce, added.request_id, moment, moment);
    outcome := 'registered';
    files_used := files_used + 1;
    return next;
  end $function$;

CREATE OR REPLACE FUNCTION uploads_register_video(upload jsonb, needs_user boolean)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
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
  end $function$;

CREATE OR REPLACE FUNCTION uploads_write_event()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
  declare
    asset assets;
    ending jsonb;
  begin
    if new.state = 'completed' then
      select * into asset from assets where assets.upload_id = new.id;
      ending := jsonb_build_object('asset_id', asset.id, 's3_key', asset.s3_key, 'mime_type', asset.mime_type, 'facts', (asset.metadata->'facts') - 'provenance', 'provenance', asset.metadata->'facts'->'provenance');
    else
      ending := jsonb_build_object(
        'error', jsonb_build_object('code', new.error_code, 'error', new.error_title, 'detail', new.error_detail));
    end if;
    perform events_write('upload.' || new.state, new.id, new.user_id, jsonb_build_object(
      'asset_type', new.asset_type, 'filename', new.original_filename, 'size_bytes', new.size_bytes, 'content_hash', new.content_hash,
      'project_id', new.project_id, 'brand_id', new.brand_id, 'metadata', new.client_metadata) || ending);
    return null;
  end $function$;

CREATE TRIGGER assets_request_purge AFTER DELETE ON assets FOR EACH ROW WHEN (old.upload_id IS NOT NULL) EXECUTE FUNCTION assets_request_purge();

CREATE TRIGGER assets_write_deletion AFTER DELETE ON assets FOR EACH ROW WHEN (old.upload_id IS NOT NULL) EXECUTE FUNCTION assets_write_event('deleted');

CREATE TRIGGER assets_write_expiry AFTER UPDATE ON assets FOR EACH ROW WHEN (old.expiring_at IS NULL AND new.expiring_at IS NOT NULL AND new.upload_id IS NOT NULL) EXECUTE FUNCTION assets_write_event('expiring');

CREATE TRIGGER events_ring AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION events_ring();

CREATE TRIGGER purges_ring AFTER INSERT ON purges FOR EACH STATEMENT EXECUTE FUNCTION purges_ring();

CREATE TRIGGER uploads_guard BEFORE INSERT OR UPDATE ON uploads FOR EACH ROW EXECUTE FUNCTION uploads_guard();

CREATE CONSTRAINT TRIGGER uploads_write_completion AFTER UPDATE ON uploads DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state AND new.state = 'completed'::text) EXECUTE FUNCTION uploads_write_event();

CREATE TRIGGER uploads_write_event AFTER UPDATE ON uploads FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state AND (new.state = ANY (ARRAY['rejected'::text, 'parked'::text]))) EXECUTE FUNCTION uploads_write_event();
