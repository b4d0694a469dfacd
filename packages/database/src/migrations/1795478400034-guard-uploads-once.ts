import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Moves the checks of a row of `uploads` and the conditions of its triggers into one trigger. Postgres reads the text of each check and each condition
 * anew for every statement, which took more than writing the row; a function is prepared once for each connection.
 *
 * It accepts exactly what the checks and triggers accepted, and its errors name the same constraints.
 */
export class GuardUploadsOnce1795478400034 implements MigrationInterface {
  readonly name = 'GuardUploadsOnce1795478400034'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(guard)
    for (const trigger of Object.keys(triggersBefore)) await runner.query(`drop trigger ${trigger} on uploads`)
    await runner.query('create trigger uploads_guard before insert or update on uploads for each row execute function uploads_guard()')
    await runner.query(`alter table uploads ${Object.keys(checks).map((name) => `drop constraint ${name}`)}`)
    for (const name of Object.keys(functionsBefore)) await runner.query(`drop function ${name}()`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop trigger uploads_guard on uploads')
    await runner.query('drop function uploads_guard()')
    for (const [name, body] of Object.entries(functionsBefore))
      await runner.query(`create function ${name}() returns trigger language plpgsql as $$${body}$$`)
    for (const [trigger, text] of Object.entries(triggersBefore)) await runner.query(`create trigger ${trigger} ${text}`)
    const added = Object.entries(checks).map(([name, condition]) => `add constraint ${name} check (${condition.replaceAll('new.', '')})`)
    await runner.query(`alter table uploads ${added}`)
  }
}

/** What is true, or null, of each row; by the names of the former constraints. The first one that is false is reported. */
const checks = {
  uploads_accepted_is_whole: `
      new.state in ('receiving', 'abandoned')
      or num_nulls(new.asset_type, new.detected_type, new.final_key, new.size_bytes, new.etag, new.received_at) = 0
        and (new.content_hash is not null or new.door in ('pipeline', 'direct') and new.state <> 'completed')`,
  uploads_attempt_counts: 'new.attempt >= 0',
  uploads_capability_is_hashed: `new.capability_hash ~ '^[0-9a-f]{64}$'`,
  uploads_client_metadata_is_small: `jsonb_typeof(new.client_metadata) = 'object' and pg_column_size(new.client_metadata) <= 32768`,
  uploads_declared_size_positive: 'new.declared_bytes > 0 and new.part_bytes > 0',
  uploads_direct_is_whole: `
      new.door <> 'direct' or new.state = 'receiving' or num_nulls(new.capability_hash, new.declared_bytes, new.expires_at) = 0`,
  uploads_door_known: `new.door in ('form', 'pipeline', 'direct')`,
  uploads_end_is_dated: `
      case new.state
        when 'completed' then new.completed_at is not null
        when 'rejected' then new.rejected_at is not null
        when 'abandoned' then new.abandoned_at is not null
        when 'parked' then new.parked_at is not null
        else true
      end`,
  uploads_expected_hash_is_sha256: `new.expected_hash ~ '^[0-9a-f]{64}$'`,
  uploads_final_key_from_acceptance: `
      new.state not in ('receiving', 'abandoned') or num_nonnulls(new.final_key, new.received_at) = 0`,
  uploads_hash_is_sha256: `new.content_hash ~ '^[0-9a-f]{64}$'`,
  uploads_lease_while_processing: `(new.state = 'processing') = (new.lease_until is not null)`,
  uploads_only_direct_is_open: `
      new.door = 'direct'
      or num_nonnulls(new.capability_hash, new.multipart_id, new.declared_bytes, new.part_bytes, new.expires_at) = 0`,
  uploads_only_pipeline_has_source: `new.door = 'pipeline' or num_nonnulls(new.source_bucket, new.priority) = 0`,
  uploads_priority_known: `new.priority in ('interactive', 'batch')`,
  uploads_processed_was_claimed: `
      new.state not in ('processing', 'parked', 'completed') or new.attempt > 0 and new.processing_at is not null`,
  uploads_refusal_is_whole: 'num_nulls(new.error_code, new.error_title, new.error_detail) in (0, 3)',
  uploads_refusal_when_refused: `(new.state in ('rejected', 'abandoned', 'parked')) = (new.error_code is not null)`,
  uploads_size_positive: `
      new.size_bytes > 0 or new.size_bytes = 0 and new.door = 'pipeline' and new.state <> 'completed'`,
  uploads_source_is_whole: 'num_nulls(new.source_bucket, new.source_key) in (0, 2)',
  uploads_state_known: `
      new.state in ('receiving', 'received', 'processing', 'parked', 'completed', 'rejected', 'abandoned')`,
  uploads_stored_by_others_has_expected_hash: `new.door in ('pipeline', 'direct') or new.expected_hash is null`,
} as const

/** A test compares it with the domain's table of moves. */
const legalMoves = `
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
          ('parked', 'rejected')`

const isNoBeginning = `new.state <> 'receiving' and (new.state <> 'received' or new.door <> 'pipeline') or new.attempt <> 0`

const isMoved = 'old.state is distinct from new.state or old.attempt is distinct from new.attempt'

const isNoMove = `(old.state, new.state) not in (${legalMoves}
        ) or new.attempt <> old.attempt + (new.state = 'processing')::integer`

const losesIdentity = `
        old.id <> new.id or old.user_id <> new.user_id or old.quarantine_key <> new.quarantine_key
        or (old.final_key is not null and old.final_key is distinct from new.final_key)
        or old.source_bucket is distinct from new.source_bucket or old.source_key is distinct from new.source_key
        or (old.door = 'pipeline' and old.content_hash is not null and old.content_hash is distinct from new.content_hash)`

/** A client of a direct upload knows its key and its capability, so these stay what they were when it was let in. */
const losesDirectIdentity = `
        old.door = 'direct' and (
          old.capability_hash is not null and old.capability_hash is distinct from new.capability_hash
          or old.declared_bytes is not null and old.declared_bytes is distinct from new.declared_bytes
          or old.multipart_id is not null and old.multipart_id is distinct from new.multipart_id
          or old.etag is not null and old.etag is distinct from new.etag
          or old.content_hash is not null and old.content_hash is distinct from new.content_hash)`

const violated = (constraint: string) => `errcode = 'check_violation', table = 'uploads', constraint = ${constraint}`

const refuseBeginning = `
        raise exception 'upload % begins as %, not as receiving', new.id, new.state using ${violated(`'uploads_legal_moves'`)};`

const refuseIdentity = `
        raise exception 'upload % may not change its owner or its keys', old.id using ${violated(`'uploads_identity_fixed'`)};`

const refuseMove = `
          raise exception 'upload % may not move from % (attempt %) to % (attempt %)',
            old.id, old.state, old.attempt, new.state, new.attempt using ${violated(`'uploads_legal_moves'`)};`

/** Acceptance is not notified: nobody waits for an upload whose id is not known yet. */
const noteMove = `
        new.version := old.version + 1;
        if old.state <> 'receiving' then
          perform pg_notify('airlock_uploads', new.id || ':' || new.state);
        end if;`

const guard = `
  create function uploads_guard() returns trigger language plpgsql as $$
  declare
    violated text;
  begin
    if tg_op = 'INSERT' then
      if ${isNoBeginning} then${refuseBeginning}
      end if;
    else
      if ${losesIdentity}
        or ${losesDirectIdentity}
      then${refuseIdentity}
      end if;
      if ${isMoved} then
        if ${isNoMove} then${refuseMove}
        end if;${noteMove}
      end if;
    end if;
    violated := case
${Object.entries(checks)
  .map(([name, condition]) => `      when not (${condition}) then '${name}'`)
  .join('\n')}
    end;
    if violated is not null then
      raise exception 'upload % violates the constraint %', new.id, violated using ${violated('violated')};
    end if;
    return new;
  end $$`

const functionsBefore = {
  uploads_guard_insert: `
  begin
    if ${isNoBeginning} then${refuseBeginning}
    end if;
    return new;
  end `,
  uploads_guard_move: `
      begin
        if ${isNoMove} then${refuseMove}
        end if;
        return new;
      end `,
  uploads_guard_identity: `
      begin${refuseIdentity}
      end `,
  uploads_note_move: `
      begin${noteMove}
        return new;
      end `,
} as const

const triggersBefore = {
  uploads_guard_direct: `before update on uploads for each row when (${losesDirectIdentity}) execute function uploads_guard_identity()`,
  uploads_guard_identity: `before update on uploads for each row when (${losesIdentity}) execute function uploads_guard_identity()`,
  uploads_guard_insert: 'before insert on uploads for each row execute function uploads_guard_insert()',
  uploads_guard_move: `before update on uploads for each row when (${isMoved}) execute function uploads_guard_move()`,
  uploads_note_move: `before update on uploads for each row when (${isMoved}) execute function uploads_note_move()`,
} as const
