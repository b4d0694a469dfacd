import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * A view of the work of each lane, for metrics and autoscalers (docs/metrics.md, "Lanes"). It is computed from the rows: a counter row would be
 * updated, and locked, by every move.
 *
 * The index has the waiting uploads of each kind by the time when they became due, and contains all that the view reads of them, so that the
 * rows themselves are not visited. That only works for pages that were vacuumed since their last change. By default Postgres vacuums when a
 * fifth of all rows has changed: beside a million ended uploads, the waiting ones are never that many.
 */
export class ReadLaneLoad1795478400029 implements MigrationInterface {
  readonly name = 'ReadLaneLoad1795478400029'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create index uploads_due on uploads (asset_type, greatest(updated_at, next_attempt_at))
        include (updated_at, next_attempt_at) where state = 'received'`)
    await runner.query(`alter table uploads set (${Object.entries(vacuum).map(([name, value]) => `${name} = ${value}`)})`)
    await runner.query(laneLoad)
    await runner.query(`comment on view lane_load is 'the work of each lane; made by Airlock for metrics and autoscalers'`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop view lane_load')
    await runner.query(`alter table uploads reset (${Object.keys(vacuum)})`)
    await runner.query('drop index uploads_due')
  }
}

/** The table is vacuumed after this many changed or added rows. That takes seconds, because pages without changes are skipped. */
const vacuum = {
  autovacuum_vacuum_scale_factor: 0,
  autovacuum_vacuum_threshold: 10_000,
  autovacuum_vacuum_insert_scale_factor: 0,
  autovacuum_vacuum_insert_threshold: 10_000,
}

/** A test compares the kinds with the domain's table. The subqueries of a kind are separate because each is one range of the index. */
const laneLoad = `
  create view lane_load as
    with kinds (lane, asset_type) as (
      values ('images', 'brand_image'), ('videos', 'generated_video'), ('training', 'lora_training')
    )
    select lane,
      sum(received.due + claimed.lapsed)::bigint as waiting,
      sum(received.delayed)::bigint as delayed,
      sum(claimed.processing)::bigint as processing,
      coalesce(greatest(extract(epoch from now() - least(min(received.oldest), min(claimed.oldest))), 0), 0)::double precision as oldest_seconds
    from kinds
    cross join lateral (
      select
        (select count(*) from uploads
          where state = 'received' and uploads.asset_type = kinds.asset_type and greatest(updated_at, next_attempt_at) <= now()) as due,
        (select count(*) from uploads
          where state = 'received' and uploads.asset_type = kinds.asset_type and greatest(updated_at, next_attempt_at) > now()) as delayed,
        (select greatest(updated_at, next_attempt_at) from uploads
          where state = 'received' and uploads.asset_type = kinds.asset_type order by greatest(updated_at, next_attempt_at) limit 1) as oldest
    ) as received
    cross join lateral (
      select count(*) filter (where lease_until > now()) as processing,
        count(*) filter (where lease_until <= now()) as lapsed,
        min(lease_until) filter (where lease_until <= now()) as oldest
      from uploads where state = 'processing' and uploads.asset_type = kinds.asset_type
    ) as claimed
    group by lane`
