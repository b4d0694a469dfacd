import { expect } from 'vitest'
import { DatabaseUnavailable } from '../../src/index.ts'
import { prepared } from '../../src/prepared.ts'
import { Sessions } from '../../src/sessions.ts'
import { test as base, silent } from '../database-test.ts'

const notes = prepared('notes', 'select *, $1::integer as given from notes')
const addNote = prepared('add_note', 'insert into notes (text) values ($1) returning text')

/** One connection, whose statements are prepared. */
const test = base
  .extend('warnings', () => [] as string[])
  .extend('sessions', async ({ url, sql, warnings }, { onCleanup }) => {
    await sql.query('drop table if exists notes; create table notes (text text)')
    const sessions = new Sessions({
      url,
      poolSize: 1,
      statementTimeoutMs: 5000,
      connectTimeoutMs: 3000,
      applicationName: 'airlock-tests-prepared',
      log: { ...silent, warn: (_fields, message) => warnings.push(message) },
    })
    onCleanup(() => sessions.close())
    return sessions
  })

const read = (sessions: Sessions, given: number) => sessions.run(({ rows }) => rows(notes, [given]))

/** The names of the statements that the connection has prepared. */
const namesOn = async (sessions: Sessions) =>
  (await sessions.run(({ rows }) => rows('select name from pg_prepared_statements order by 1'))).map(({ name }) => String(name))

test('a statement is prepared once for each connection', async ({ sessions, sql }) => {
  await sql.query(`insert into notes values ('one')`)
  for (const given of [1, 2, 3]) expect(await read(sessions, given)).toEqual([{ text: 'one', given }])
  expect(await namesOn(sessions)).toEqual([notes.name])
})

test('after a migration added a column, statements are prepared again', { meta: { id: 'prepared-before-migration' } }, async ({
  sessions,
  sql,
  warnings,
}) => {
  await sql.query(`insert into notes values ('one')`)
  await read(sessions, 1)
  await sql.query(`alter table notes add column colour text default 'red'`)

  for (const given of [2, 3, 4]) expect(await read(sessions, given)).toEqual([{ text: 'one', colour: 'red', given }])
  expect(await namesOn(sessions)).toEqual([notes.name, `${notes.name}_1`])
  expect(warnings).toEqual([])
})

const lost = {
  'has forgotten it': 'deallocate all',
  'has it already, from another client': `deallocate all; prepare ${addNote.name} as select 1`,
}
test.for(Object.entries(lost))('a statement runs once although its connection %s', async ([, change], { sessions, sql, warnings }) => {
  if (change === lost['has forgotten it']) await sessions.run(({ rows }) => rows(addNote, ['before']))
  await sessions.run(({ rows }) => rows(change))
  for (const text of ['one', 'two']) expect(await sessions.run(({ rows }) => rows(addNote, [text]))).toEqual([{ text }])

  const { rows } = await sql.query(`select text from notes where text <> 'before'`)
  expect(rows).toEqual([{ text: 'one' }, { text: 'two' }])
  expect(warnings).toEqual([expect.stringContaining('DATABASE_PREPARED_STATEMENTS=false')])
})

test('a transaction whose statement is no longer prepared changes nothing, and can be repeated', async ({ sessions, sql }) => {
  await sessions.run(({ rows }) => rows(addNote, ['before']))
  await sessions.run(({ rows }) => rows('deallocate all'))
  const addTwo = () =>
    sessions.transaction(async ({ rows }) => {
      await rows(`insert into notes values ('unprepared')`)
      return rows(addNote, ['prepared'])
    })
  await expect(addTwo()).rejects.toThrow(DatabaseUnavailable)
  const texts = async () => (await sql.query('select text from notes')).rows.map(({ text }) => text)
  expect(await texts()).toEqual(['before'])

  await addTwo()
  expect(await texts()).toEqual(['before', 'unprepared', 'prepared'])
})

test('without prepared statements, the server has none', async ({ sessions: _, url }) => {
  const sessions = new Sessions({
    url,
    poolSize: 1,
    statementTimeoutMs: 5000,
    connectTimeoutMs: 3000,
    applicationName: 'airlock-tests-prepared',
    log: silent,
    preparedStatements: false,
  })
  for (const given of [1, 2]) expect(await read(sessions, given)).toEqual([])
  expect(await namesOn(sessions)).toEqual([])
  await sessions.close()
})
