import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Replaces the indexes for lists by provenance by ones that begin with the kind. With the kind at their end, a list of a kind that has no asset in the
 * state read every index entry of that state. A list of all kinds reads a page of each (`listStatement`).
 *
 * The old indexes are dropped last: only that locks out readers, and only for a moment.
 */
export class ListProvenanceOfKind1795478400042 implements MigrationInterface {
  readonly name = 'ListProvenanceOfKind1795478400042'

  async up(runner: QueryRunner): Promise<void> {
    for (const { by, stated, where } of indexes)
      await runner.query(
        `create index assets_listed_by_kind_${by} on assets (user_id, asset_type, ${stated}, ${newest}) where ${where} is not null`,
      )
    for (const { by } of indexes) await runner.query(`drop index assets_listed_by_${by}`)
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const { by, stated, where } of indexes)
      await runner.query(
        `create index assets_listed_by_${by} on assets (user_id, ${stated}, ${newest}, asset_type) where ${where} is not null`,
      )
    for (const { by } of indexes) await runner.query(`drop index assets_listed_by_kind_${by}`)
  }
}

/** The expressions of migration 38. */
const newest = `(created_at at time zone 'UTC') desc, id`
const provenance = `coalesce(metadata #>> '{facts,provenance,state}', case metadata #>> '{facts,provenance,present}' when 'false' then 'none' end)`
const aiGenerated = `coalesce(metadata #>> '{facts,provenance,ai_generated}', metadata #>> '{facts,provenance,declared,ai_generated}')`

const indexes = [
  { by: 'provenance', stated: `(${provenance})`, where: provenance },
  { by: 'ai', stated: `(${aiGenerated})`, where: aiGenerated },
  { by: 'ai_and_provenance', stated: `(${aiGenerated}), (${provenance})`, where: aiGenerated },
]
