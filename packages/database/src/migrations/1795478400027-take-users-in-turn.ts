import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Decides which upload of a lane a worker should process next: that of the user with the fewest running uploads in the lane and, among equals, of the
 * next user in a round-robin. The queue only wakes workers; these rows determine the order in which users are served.
 */
export class TakeUsersInTurn1795478400027 implements MigrationInterface {
  readonly name = 'TakeUsersInTurn1795478400027'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create table lane_turns (lane text primary key, last_user uuid not null)`)
    await runner.query(`
      create index uploads_waiting_of_user
        on uploads (asset_type, coalesce(priority, 'interactive'), user_id, coalesce(next_attempt_at, '-infinity'::timestamptz), received_at)
        where state = 'received'`)
    await runner.query(nextInTurn)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop function uploads_next_in_turn(text, text[], uuid, uuid[])')
    await runner.query('drop index uploads_waiting_of_user')
    await runner.query('drop table lane_turns')
  }
}

/**
 * Iterates over the users with waiting uploads in the order of their ids, starting after the user who was served last. A step is one index lookup,
 * however many uploads wait. It stops at the first user without running uploads, so it takes as many steps as there are users with running uploads
 * or without any that is due.
 *
 * The round-robin applies to videos of one priority; the queue decides which priority comes first.
 *
 * Returns the owner of \`wanted\` (no row when it can't be processed), and the upload that should be processed before it, if any. Otherwise \`wanted\`
 * is next, and its user becomes the one who was served last. It claims nothing: concurrent calls may get the same result, and one claim wins.
 */
const nextInTurn = `
  create function uploads_next_in_turn(lane_name text, kinds text[], wanted uuid, not_now uuid[])
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

    if next_id is null and owner <> all(not_now) then
      insert into lane_turns (lane, last_user) values (lane_name, owner)
        on conflict (lane) do update set last_user = excluded.last_user;
    end if;
    return next;
  end $$`
