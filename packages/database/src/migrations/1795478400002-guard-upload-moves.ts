import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Rejects moves that are not in the domain's table of moves. A test compares the two.
 *
 * A claim is a move to processing with the next attempt, from received, or from processing with an expired lease. So attempt increases by one with
 * each claim and never otherwise: it fences all writes of a worker.
 */
export class GuardUploadMoves1795478400002 implements MigrationInterface {
  readonly name = 'GuardUploadMoves1795478400002'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function uploads_guard_insert() returns trigger language plpgsql as $$
      begin
        if new.state <> 'receiving' or new.attempt <> 0 then
          raise exception 'upload % begins as %, not as receiving', new.id, new.state
            using errcode = 'check_violation', table = 'uploads', constraint = 'uploads_legal_moves';
        end if;
        return new;
      end $$`)
    await runner.query(`
      create trigger uploads_guard_insert before insert on uploads
        for each row execute function uploads_guard_insert()`)

    await runner.query(`
      create function uploads_guard_move() returns trigger language plpgsql as $$
      begin
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
            old.id, old.state, old.attempt, new.state, new.attempt
            using errcode = 'check_violation', table = 'uploads', constraint = 'uploads_legal_moves';
        end if;
        return new;
      end $$`)
    await runner.query(`
      create trigger uploads_guard_move before update on uploads
        for each row when (old.state is distinct from new.state or old.attempt is distinct from new.attempt)
        execute function uploads_guard_move()`)

    await runner.query(`
      create function uploads_guard_identity() returns trigger language plpgsql as $$
      begin
        raise exception 'upload % may not change its owner or its keys', old.id
          using errcode = 'check_violation', table = 'uploads', constraint = 'uploads_identity_fixed';
      end $$`)
    await runner.query(`
      create trigger uploads_guard_identity before update on uploads
        for each row when (
          old.id <> new.id or old.user_id <> new.user_id or old.quarantine_key <> new.quarantine_key
          or (old.final_key is not null and old.final_key is distinct from new.final_key))
        execute function uploads_guard_identity()`)
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['uploads_guard_identity', 'uploads_guard_move', 'uploads_guard_insert']) {
      await runner.query(`drop trigger ${name} on uploads`)
      await runner.query(`drop function ${name}()`)
    }
  }
}
