import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Indexes for lists of a user's assets, newest first, also of one kind, project or brand.
 *
 * They are ordered by the time in UTC, an expression that no other index has. With `created_at` itself, the planner sometimes scans the assets of
 * all users by age and filters by user: cheap for a user who uploaded recently, but a scan of the whole table for one who uploaded long ago. The
 * last two indexes end with the kind, so that lists that filter by both need only the index.
 */
export class ListAssets1795478400008 implements MigrationInterface {
  readonly name = 'ListAssets1795478400008'

  async up(runner: QueryRunner): Promise<void> {
    const newest = `(created_at at time zone 'UTC') desc, id`
    await runner.query(`create index assets_listed on assets (user_id, ${newest})`)
    await runner.query(`create index assets_listed_by_kind on assets (user_id, asset_type, ${newest})`)
    await runner.query(
      `create index assets_listed_by_project on assets (user_id, project_id, ${newest}, asset_type) where project_id is not null`,
    )
    await runner.query(
      `create index assets_listed_by_brand on assets (user_id, brand_id, ${newest}, asset_type) where brand_id is not null`,
    )
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const by of ['_by_brand', '_by_project', '_by_kind', '']) await runner.query(`drop index assets_listed${by}`)
  }
}
