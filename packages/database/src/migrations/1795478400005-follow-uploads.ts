import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * The caller's metadata, the service that acted for the owner, and a version that increases with each move.
 *
 * Each committed move is notified on `airlock_uploads`. The payload has only the id and the state of the upload; listeners read the row.
 */
export class FollowUploads1795478400005 implements MigrationInterface {
  readonly name = 'FollowUploads1795478400005'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table uploads
        add column client_metadata jsonb,
        add column acted_by uuid,
        add column version bigint not null default 0,
        add constraint uploads_client_metadata_is_small check (
          jsonb_typeof(client_metadata) = 'object' and pg_column_size(client_metadata) <= 32768)`)
    await runner.query(`
      create function uploads_note_move() returns trigger language plpgsql as $$
      begin
        new.version := old.version + 1;
        perform pg_notify('airlock_uploads', new.id || ':' || new.state);
        return new;
      end $$`)
    // Triggers run in alphabetical order, so a move that the guard rejects is not notified.
    await runner.query(`
      create trigger uploads_note_move before update on uploads
        for each row when (old.state is distinct from new.state or old.attempt is distinct from new.attempt)
        execute function uploads_note_move()`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop trigger uploads_note_move on uploads')
    await runner.query('drop function uploads_note_move()')
    await runner.query(`
      alter table uploads
        drop constraint uploads_client_metadata_is_small, drop column client_metadata, drop column acted_by, drop column version`)
  }
}
