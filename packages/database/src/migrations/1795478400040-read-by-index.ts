import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Makes the functions of each upload read by an index, whoever uploads. Their plans are made without the user's id, so that Postgres expects as many
 * rows of each user as the average has. When nearly all uploads belonged to one user, it read the whole table for each registration.
 */
export class ReadByIndex1795478400040 implements MigrationInterface {
  readonly name = 'ReadByIndex1795478400040'

  async up(runner: QueryRunner): Promise<void> {
    for (const name of plannedOnce) await runner.query(`alter function ${name} set enable_seqscan = off`)
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of plannedOnce) await runner.query(`alter function ${name} reset enable_seqscan`)
  }
}

/** See the migration that made them plan once. */
const plannedOnce = [
  'uploads_register(jsonb, integer, bigint)',
  'uploads_claim(uuid, double precision, integer, double precision)',
  'uploads_next_in_turn(text, text[], uuid, uuid[])',
]
