import type { MigrationInterface, QueryRunner } from 'typeorm'

/** The comment on our own table, by which `down` distinguishes it from a table of the surrounding product. */
const ours = 'made by Airlock'

export class CreateUsers1795478400000 implements MigrationInterface {
  readonly name = 'CreateUsers1795478400000'

  async up(runner: QueryRunner): Promise<void> {
    const id = await idOfExistingUsers(runner)
    if (id === null) {
      await runner.query(`
        create table users (
          id uuid primary key,
          created_at timestamptz(3) not null default now()
        )`)
      await runner.query(`comment on table users is '${ours}'`)
      return
    }
    if (!id.fits) {
      throw new Error(
        `The table users exists already, and its id is ${id.found}. Airlock's assets refer to it, so users.id must be a uuid with a primary key or a unique constraint of its own.`,
      )
    }
  }

  /** Drops our own table, unless other tables refer to it. A table of the surrounding product is not changed. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      do $$
      begin
        if obj_description(to_regclass('users'), 'pg_class') = '${ours}' then
          drop table users;
        end if;
      exception when dependent_objects_still_exist then
        raise notice 'The table users stays: others refer to it.';
      end $$`)
  }
}

/** The definition of `users.id`, or null when there is no such table. */
async function idOfExistingUsers(runner: QueryRunner): Promise<{ fits: boolean; found: string } | null> {
  const [row] = await runner.query(`
    select
      case when c.relkind not in ('r', 'p') then 'in a view'
           else coalesce(format_type(a.atttypid, a.atttypmod), 'missing') end as found,
      c.relkind in ('r', 'p') and a.atttypid = 'uuid'::regtype and exists (
        select from pg_index i
        where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indnkeyatts = 1 and i.indkey[0] = a.attnum
      ) as fits
    from pg_class c
    left join pg_attribute a on a.attrelid = c.oid and a.attname = 'id' and not a.attisdropped
    where c.oid = to_regclass('users')`)
  return row === undefined ? null : { fits: row.fits === true, found: row.found }
}
