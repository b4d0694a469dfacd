import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * One row: who sweeps, until when that counts, and how far each rule has come, so that another process goes on from there.
 *
 * A row, not an advisory lock: behind a pooler a session's lock belongs to whoever gets its connection next.
 */
export class LeaseSweeper1795478400012 implements MigrationInterface {
  readonly name = 'LeaseSweeper1795478400012'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table sweeper (
        id smallint primary key default 1,
        holder uuid,
        lease_until timestamptz(3),
        ended_at timestamptz(3),
        places jsonb not null default '{}',

        constraint sweeper_is_one check (id = 1)
      )`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table sweeper')
  }
}
