import { migrationsTable } from '../migrating.ts'

/** Runs one statement and returns its rows. */
export type Query = (sql: string, parameters?: unknown[]) => Promise<Record<string, string>[]>

/**
 * The schema that the migrations make, as SQL, read from Postgres' catalogue because `pg_dump` may not be installed.
 * Everything except columns is in alphabetical order, so that equal schemas print the same text.
 *
 * @param query on a database with nothing else in its current schema
 */
export async function schemaText(query: Query): Promise<string> {
  const heading = '-- What the migrations make. Printed by `npm run schema`; a test fails when it is out of date. Not to be edited.\n'
  const sections: string[] = []
  for (const section of [tables, foreignKeys, indexes, views, functions, triggers]) sections.push(...(await section(query)))
  return `${[heading, ...sections].join('\n')}`
}

/** A condition that limits a column with a relation's oid to our tables. Partitions are printed with their table. */
const ourTables = (oid: string) => `
  ${oid} in (
    select oid from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and not relispartition and relname <> '${migrationsTable}'
  )`

async function tables(query: Query): Promise<string[]> {
  const names = await query(`
    select relname as table, obj_description(oid, 'pg_class') as comment, pg_get_partkeydef(oid) as partitions,
      array_to_string(reloptions, ', ') as options
    from pg_class where ${ourTables('oid')} order by relname collate "C"`)
  const columns = await query(`
    select attrelid::regclass as table,
      quote_ident(attname) || ' ' || format_type(atttypid, atttypmod)
        || coalesce(' default ' || pg_get_expr(adbin, adrelid), '') || case when attnotnull then ' not null' else '' end as line
    from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where ${ourTables('attrelid')} and attnum > 0 and not attisdropped order by attnum`)
  const constraints = await query(`
    select conrelid::regclass as table, 'constraint ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid, true) as line
    from pg_constraint where ${ourTables('conrelid')} and contype in ('p', 'u', 'c')
    order by array_position(array['p', 'u', 'c']::"char"[], contype), conname collate "C"`)

  const rest = await query(`
    select inhparent::regclass as table, 'create table ' || inhrelid::regclass || ' partition of ' || inhparent::regclass || ' default;' as line
    from pg_inherits join pg_class on oid = inhrelid
    where ${ourTables('inhparent')} and pg_get_expr(relpartbound, oid) = 'DEFAULT'`)

  return names.flatMap(({ table, comment, partitions, options }) => {
    const lines = [...columns, ...constraints].filter((row) => row.table === table).map(({ line }) => `  ${line}`)
    const made = `create table ${table} (\n${lines.join(',\n')}\n)${partitions ? ` partition by ${partitions}` : ''};\n`
    const commented = comment ? [`comment on table ${table} is '${comment.replaceAll("'", "''")}';\n`] : []
    const tuned = options ? [`alter table ${table} set (${options});\n`] : []
    return [made, ...commented, ...tuned, ...rest.filter((row) => row.table === table).map(({ line }) => `${line}\n`)]
  })
}

const foreignKeys = (query: Query) =>
  lines(
    query,
    `select 'alter table ' || conrelid::regclass || ' add constraint ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid, true) as line
     from pg_constraint where ${ourTables('conrelid')} and contype = 'f' order by conname collate "C"`,
  )

/** Without the indexes of constraints. An index of a partitioned table creates those of its partitions. */
const indexes = (query: Query) =>
  lines(
    query,
    `select replace(pg_get_indexdef(indexrelid, 0, true), ' ON ONLY ', ' ON ') as line from pg_index
     where ${ourTables('indrelid')} and not exists (select from pg_constraint where conindid = indexrelid and conrelid = indrelid)
     order by indexrelid::regclass::text collate "C"`,
  )

const views = (query: Query) =>
  lines(
    query,
    `select 'create view ' || oid::regclass || ' as' || E'\\n' || rtrim(pg_get_viewdef(oid, true), ';')
       || coalesce(E';\\n\\ncomment on view ' || oid::regclass || ' is ' || quote_literal(obj_description(oid, 'pg_class')), '') as line
     from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'v' order by relname collate "C"`,
  )

/** Without the functions of extensions. */
const functions = (query: Query) =>
  lines(
    query,
    `select replace(rtrim(pg_get_functiondef(oid), E'\\n'), current_schema() || '.', '') as line from pg_proc
     where pronamespace = current_schema()::regnamespace and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
     order by proname collate "C"`,
  )

const triggers = (query: Query) =>
  lines(
    query,
    `select pg_get_triggerdef(oid, true) as line from pg_trigger
     where ${ourTables('tgrelid')} and not tgisinternal order by tgname collate "C"`,
  )

async function lines(query: Query, sql: string): Promise<string[]> {
  return (await query(sql)).map(({ line }) => `${line};\n`)
}
