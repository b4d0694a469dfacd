-- A role that can read nothing but the work of each lane, for autoscalers and dashboards. Run it as the owner of Airlock's tables in Airlock's
-- database, after `npm run migrate`, with the right to create roles; it may be run again. Then set a password:
--
--   alter role airlock_metrics password '…';
--
-- To remove the role: drop owned by airlock_metrics; drop role airlock_metrics;

do $$
begin
  if not exists (select from pg_roles where rolname = 'airlock_metrics') then
    create role airlock_metrics login;
  end if;
  execute format('grant connect on database %I to airlock_metrics', current_database());
  execute format('grant usage on schema %I to airlock_metrics', current_schema());
end $$;

alter role airlock_metrics connection limit 20;
alter role airlock_metrics set default_transaction_read_only = on;
alter role airlock_metrics set statement_timeout = '2s';

-- A view reads its tables with the rights of its owner: the role sees counts, and no row of any table.
grant select on lane_load to airlock_metrics;
