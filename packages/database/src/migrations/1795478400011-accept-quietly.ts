import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * No notice of how an upload leaves its door. Nobody follows it yet: its id is told with the answer.
 *
 * A notice costs more than it seems to: Postgres writes them under one lock of the whole server, which each commit holds until it is on
 * disk. So acceptance, for which a client waits, would queue behind all other moves.
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
