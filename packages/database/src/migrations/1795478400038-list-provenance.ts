import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Indexes for lists of a user's assets by provenance: by the state of their content credentials, by what they state about AI, and by both.
 *
 * They index expressions of the facts instead of columns, because workers of the previous release write no such column, and a stored generated column
 * would rewrite the table under a lock. Only assets whose provenance is known are in the first index, and only those that state something about AI in
 * the others. An index of both values is needed because each alone may match hundreds of thousands of assets, and both together none.
 */
export class ListProvenance1795478400038 implements MigrationInterface {
  readonly name = 'ListProvenance1795478400038'

  async up(runner: QueryRunner): Promise<void> {
    const newest = `(created_at at time zone 'UTC') desc, id`
    await runner.query(
      `create index assets_listed_by_provenance on assets (user_id, (${provenance}), ${newest}, asset_type) where ${provenance} is not null`,
    )
    await runner.query(
      `create index assets_listed_by_ai on assets (user_id, (${aiGenerated}), ${newest}, asset_type) where ${aiGenerated} is not null`,
    )
    await runner.query(
      `create index assets_listed_by_ai_and_provenance on assets (user_id, (${aiGenerated}), (${provenance}), ${newest}, asset_type)
       where ${aiGenerated} is not null`,
    )
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const by of ['ai_and_provenance', 'ai', 'provenance']) await runner.query(`drop index assets_listed_by_${by}`)
  }
}

const provenance = `coalesce(metadata #>> '{facts,provenance,state}', case metadata #>> '{facts,provenance,present}' when 'false' then 'none' end)`

const aiGenerated = `coalesce(metadata #>> '{facts,provenance,ai_generated}', metadata #>> '{facts,provenance,declared,ai_generated}')`
