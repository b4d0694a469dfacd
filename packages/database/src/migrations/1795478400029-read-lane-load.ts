import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * A view of the work of each lane, for metrics and autoscalers (docs/metrics.md, "Lanes"). It is computed from the rows: a counter row would be
 * updated, and locked, by every move.
 *
 * The index of waiting uploads, which the sweeper reads in the same order, now contains all that the view counts: one index-only scan over the
 * waiting uploads, however many have ended, and no further index to maintain.
 */
export class ReadLaneLoad1795478400029 implements MigrationInterface {
  readonly name = 'ReadLaneLoad1795478400029'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('drop index uploads_received')
    await runner.query(`
      create index uploads_received on uploads (updated_at, id) include (asset_type, next_attempt_at) where state = 'received'`)
    await runner.query(laneLoad)
    await runner.query(`comment on view lane_load is 'the work of each lane; made by Airlock for metrics and autoscalers'`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop view lane_load')
    await runner.query('drop index uploads_received')
    await runner.query(`create index uploads_received on uploads (updated_at, id) where state = 'received'`)
  }
}

/** A test compares the kinds with the domain's table. */
const laneLoad = `
  create view lane_load as
    with kinds (lane, asset_type) as (
      values ('images', 'brand_image'), ('videos', 'generated_video'), ('training', 'lora_training')
    ), received as (
      select asset_type, count(*) as total,
        count(*) filter (where next_attempt_at > now()) as delayed,
        min(greatest(updated_at, next_attempt_at)) filter (where next_attempt_at is null or next_attempt_at <= now()) as oldest
      from uploads where state = 'received' group by asset_type
    ), claimed as (
      select asset_type, count(*) filter (where lease_until > now()) as processing,
        count(*) filter (where lease_until <= now()) as lapsed,
        min(lease_until) filter (where lease_until <= now()) as oldest
      from uploads where state = 'processing' group by asset_type
    )
    select lane,
      coalesce(sum(received.total - received.delayed), 0)::bigint + coalesce(sum(claimed.lapsed), 0)::bigint as waiting,
      coalesce(sum(received.delayed), 0)::bigint as delayed,
      coalesce(sum(claimed.processing), 0)::bigint as processing,
      coalesce(greatest(extract(epoch from now() - least(min(received.oldest), min(claimed.oldest))), 0), 0)::double precision as oldest_seconds
    from kinds left join received using (asset_type) left join claimed using (asset_type)
    group by lane`
