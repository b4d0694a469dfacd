import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Acceptance and abandonment are not notified. Nobody can listen for them: the response reveals the id of the upload.
 *
 * A notification is expensive: Postgres writes them under one lock for the whole server, which each commit holds until it is on disk. So
 * acceptance, for which a client waits, would queue after all other moves.
 */
export class AcceptQuietly1795478400011 implements MigrationInterface {
  readonly name = 'AcceptQuietly1795478400011'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create or replace function uploads_note_move() returns trigger language plpgsql as $$
      begin
        new.version := old.version + 1;
        if old.state <> 'receiving' then
          perform pg_notify('airlock_uploads', new.id || ':' || new.state);
        end if;
        return new;
      end $$`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create or replace function uploads_note_move() returns trigger language plpgsql as $$
      begin
        new.version := old.version + 1;
        perform pg_notify('airlock_uploads', new.id || ':' || new.state);
        return new;
      end $$`)
  }
}
