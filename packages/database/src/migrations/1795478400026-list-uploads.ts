import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * A user's uploads, newest first, also of one state. It leads with the state, so that the few that failed are found among a million that did
 * not; a list of all states merges a walk through each.
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
