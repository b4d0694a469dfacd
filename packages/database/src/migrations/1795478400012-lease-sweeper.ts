import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * One row: the process that sweeps, the end of its lease, and the position of each rule, from which another process continues.
 *
 * It is a row, not an advisory lock: with a pooler, a session's lock passes to the next user of its connection.
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
