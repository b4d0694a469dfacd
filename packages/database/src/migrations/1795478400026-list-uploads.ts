import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * An index for lists of a user's uploads, newest first, also of one state. It starts with the state, so that a few failed uploads are found among a
 * million others; a list of all states merges one index scan for each.
 */
export class ListUploads1795478400026 implements MigrationInterface {
  readonly name = 'ListUploads1795478400026'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create index uploads_listed on uploads (user_id, state, created_at desc, id desc)`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop index uploads_listed`)
  }
}
