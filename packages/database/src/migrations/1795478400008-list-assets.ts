import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * A user's assets, newest first, of one kind, project or brand. Without these a list would read all that it leaves out.
 * The kind stands at the end of the others, so that a list of both leaves out by the index alone.
 */
export class ListAssets1795478400008 implements MigrationInterface {
  readonly name = 'ListAssets1795478400008'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create index assets_of_user_and_kind on assets (user_id, asset_type, created_at desc, id)')
    await runner.query(
      'create index assets_of_user_and_project on assets (user_id, project_id, created_at desc, id, asset_type) where project_id is not null',
    )
    await runner.query(
      'create index assets_of_user_and_brand on assets (user_id, brand_id, created_at desc, id, asset_type) where brand_id is not null',
    )
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const by of ['brand', 'project', 'kind']) await runner.query(`drop index assets_of_user_and_${by}`)
  }
}
