import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Makes the round-robin read only the first waiting upload of a user, however many wait. While the statistics of Postgres know of no waiting upload, it
 * prefers the smallest index of them, but only one has the order in which the function reads. When 10,000 uploads had just come in beside a million
 * finished ones, it read and sorted them all, twice for each turn.
 */
export class TurnsByOrder1795478400041 implements MigrationInterface {
  readonly name = 'TurnsByOrder1795478400041'

  async up(runner: QueryRunner): Promise<void> {
    for (const setting of settings) await runner.query(`alter function ${nextInTurn} set ${setting} = off`)
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const setting of settings) await runner.query(`alter function ${nextInTurn} reset ${setting}`)
  }
}

const nextInTurn = 'uploads_next_in_turn(text, text[], uuid, uuid[])'

/** One sort remains, of one row for each kind of asset. Up to version 17 of Postgres it seems so expensive that Postgres would compile the statement. */
const settings = ['enable_sort', 'jit']
