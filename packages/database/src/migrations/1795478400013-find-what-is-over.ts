import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Indexes for the sweeper: uploads by their end, assets that are about to expire, and assets in the order in which an object store lists its keys
 * (by their bytes), so that rows and objects can be compared a page at a time.
 */
export class FindWhatIsOver1795478400013 implements MigrationInterface {
  readonly name = 'FindWhatIsOver1795478400013'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create index uploads_ended on uploads (updated_at, id) where state in ('completed', 'rejected', 'abandoned')`)
    await runner.query('create index assets_expiring on assets (expiring_at, id) where expiring_at is not null')
    await runner.query('create index assets_by_key on assets (s3_key collate "C")')
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['assets_by_key', 'assets_expiring', 'uploads_ended']) await runner.query(`drop index ${name}`)
  }
}
