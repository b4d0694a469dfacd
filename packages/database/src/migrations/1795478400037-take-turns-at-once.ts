import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Stores whose turn it was without waiting for the disk. All workers of a lane write this one row, so each would wait for the commits of all others.
 * After a crash of Postgres the round-robin may repeat the turns of its last fraction of a second, which no one else depends on.
 */
export class TakeTurnsAtOnce1795478400037 implements MigrationInterface {
  readonly name = 'TakeTurnsAtOnce1795478400037'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(nextInTurn(storeTurn))
    await runner.query(planOnce)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(nextInTurn(storeTurnBefore))
    await runner.query(planOnce)
  }
}

const storeTurn = `
    if next_id is null and owner <> all(not_now) and (last = nobody or owner <> last) then
      perform set_config('synchronous_commit', 'off', true);
      insert into lane_turns (lane, last_user) values (lane_name, owner)
        on conflict (lane) do update set last_user = excluded.last_user;
    end if;`

const storeTurnBefore = `
    if next_id is null and owner <> all(not_now) then
      insert into lane_turns (lane, last_user) values (lane_name, owner)
        on conflict (lane) do update set last_user = excluded.last_user;
    end if;`

/** Replacing a function resets its settings. */
const planOnce = 'alter function uploads_next_in_turn(text, text[], uuid, uuid[]) set plan_cache_mode = force_generic_plan'

/** See the migration that created it. */
const nextInTurn = (rememberTurn: string) => `
  create or replace function uploads_next_in_turn(lane_name text, kinds text[], wanted uuid, not_now uuid[])
  returns table (owner uuid, next_id uuid, next_user uuid, next_priority text) language plpgsql as $$
  #variable_conflict use_column
  declare
    class text;
    nobody constant uuid := '00000000-0000-0000-0000-000000000000';
    running jsonb;
    last uuid;
    place uuid;
    candidate uuid;
    soonest record;
    fewest integer;
    theirs integer;
    around boolean := false;
    passed boolean := false;
  begin
    select user_id, coalesce(priority, 'interactive') into owner, class from uploads
      where id = wanted and (state = 'received' or (state = 'processing' and lease_until <= now()));
    if owner is null then return; end if;

    select coalesce(jsonb_object_agg(user_id, count), '{}') into running from (
      select user_id, count(*) from uploads
        where state = 'processing' and lease_until > now() and asset_type = any(kinds) group by user_id) as counted;
    if owner <> all(not_now) then fewest := coalesce((running ->> owner::text)::integer, 0); end if;

    select last_user into last from lane_turns where lane = lane_name;
    last := coalesce(last, nobody);
    place := last;
    for step in 1..1000 loop
      select ahead.user_id into candidate from unnest(kinds) as kind
        cross join lateral (
          select user_id from uploads
            where state = 'received' and asset_type = kind and coalesce(priority, 'interactive') = class and user_id > place
            order by user_id limit 1
        ) as ahead
        order by 1 limit 1;
      if candidate is null then
        exit when around;
        around := true;
        place := nobody;
        continue;
      end if;
      exit when around and candidate > last;
      place := candidate;
      passed := case when around then owner > last or candidate >= owner else owner > last and candidate >= owner end;
      exit when passed and fewest = 0;
      continue when candidate = owner or candidate = any(not_now);
      theirs := coalesce((running ->> candidate::text)::integer, 0);
      continue when theirs > fewest or (theirs = fewest and (passed or next_id is not null));

      select due.id, due.priority, due.at into soonest from unnest(kinds) as kind
        cross join lateral (
          select id, priority, coalesce(next_attempt_at, '-infinity'::timestamptz) as at from uploads
            where state = 'received' and asset_type = kind and coalesce(priority, 'interactive') = class and user_id = candidate
            order by coalesce(next_attempt_at, '-infinity'::timestamptz), received_at limit 1
        ) as due
        order by due.at limit 1;
      continue when soonest.at > now();
      next_id := soonest.id;
      next_user := candidate;
      next_priority := soonest.priority;
      fewest := theirs;
      exit when fewest = 0;
    end loop;

${rememberTurn}
    return next;
  end $$`
