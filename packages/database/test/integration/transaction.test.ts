import { inspect } from 'node:util'
import { expect } from 'vitest'
import { DatabaseUnavailable } from '../../src/index.ts'
import { Sessions, type Transaction } from '../../src/sessions.ts'
import { test as base, silent } from '../database-test.ts'

const test = base
  .extend('sessions', async ({ url }, { onCleanup }) => {
    const sessions = new Sessions({
      url,
      poolSize: 1,
      statementTimeoutMs: 300,
      connectTimeoutMs: 3000,
      applicationName: 'airlock-tests-transaction',
      log: silent,
    })
    onCleanup(() => sessions.close())
    return sessions
  })
  .extend('notes', async ({ sql }) => {
    await sql.query('create table if not exists notes (text text primary key)')
    await sql.query('truncate notes')
    return async () => (await sql.query('select text from notes order by 1')).rows.map(({ text }) => text)
  })

const write = `insert into notes values ($1)`
/** Checks that the only connection of the pool is neither lost nor in a transaction. */
const stillWorks = async (sessions: Sessions) =>
  expect(await sessions.run(({ rows }) => rows('select pg_current_xact_id_if_assigned() as open, 1 as one'))).toEqual([
    { open: null, one: 1 },
  ])

test('changes of a transaction are visible when it returns, and not before', async ({ sessions, notes }) => {
  const answer = await sessions.transaction(async ({ rows }) => {
    await rows(write, ['one'])
    expect(await notes()).toEqual([])
    return 'done'
  })
  expect({ answer, notes: await notes() }).toEqual({ answer: 'done', notes: ['one'] })
})

test('the error of a statement contains none of its values', async ({ sessions, notes }) => {
  const twice = async ({ rows }: Pick<Transaction, 'rows'>) => {
    await rows(write, ['summer-holiday.jpg'])
    await rows(write, ['summer-holiday.jpg'])
  }
  const broken = (transaction: Transaction) =>
    twice(transaction).catch((cause) => {
      throw new DatabaseUnavailable('The connection broke in a transaction', { cause })
    })
  for (const failing of [() => sessions.run(twice), () => sessions.transaction(broken)]) {
    const error = await failing().catch((thrown: unknown) => thrown)
    const printed = inspect(error, { depth: 10, showHidden: true })
    expect(printed).toContain('notes_pkey')
    expect(printed).toContain('insert into notes')
    expect(printed).not.toContain('summer-holiday')
  }
  expect(await notes()).toEqual(['summer-holiday.jpg'])
})

test('a transaction that throws, fails or is rolled back changes nothing', async ({ sessions, notes }) => {
  const throwing = sessions.transaction(async ({ rows }) => {
    await rows(write, ['one'])
    throw new Error('changed my mind')
  })
  await expect(throwing).rejects.toThrow('changed my mind')
  const failing = sessions.transaction(async ({ rows }) => {
    await rows(write, ['one'])
    await rows(write, ['one'])
  })
  await expect(failing).rejects.toMatchObject({ driverError: { code: '23505' } })
  const undone = await sessions.transaction(async ({ rows, undo }) => {
    await rows(write, ['one'])
    undo()
    return 'refused'
  })
  expect({ undone, notes: await notes() }).toEqual({ undone: 'refused', notes: [] })
  await stillWorks(sessions)
})

test('a statement timeout ends its transaction, and the connection can be reused', async ({ sessions, notes }) => {
  const slow = sessions.transaction(async ({ rows }) => {
    await rows(write, ['one'])
    await rows('select pg_sleep(10)')
  })
  await expect(slow).rejects.toThrow(DatabaseUnavailable)
  expect(await notes()).toEqual([])
  await stillWorks(sessions)
})

test('a connection that breaks in a transaction is not reused', async ({ sessions, notes, sql }) => {
  const broken = sessions.transaction(async ({ rows }) => {
    await rows(write, ['one'])
    await sql.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'airlock-tests-transaction'`)
    await rows(write, ['two'])
  })
  await expect(broken).rejects.toThrow(DatabaseUnavailable)
  expect(await notes()).toEqual([])
  await stillWorks(sessions)
})

test('an idle transaction is ended by the server, which releases its locks', async ({ sessions, notes, sql }) => {
  const paused = sessions.transaction(async ({ rows }) => {
    await rows(write, ['one'])
    await sql.query('begin')
    await sql.query(`set local lock_timeout = '5s'`)
    await sql.query(`lock table notes in access exclusive mode`) // waits until the server has ended the other session
    await sql.query('commit')
    await rows(write, ['two'])
  })
  await expect(paused).rejects.toThrow(DatabaseUnavailable)
  expect(await notes()).toEqual([])
  await stillWorks(sessions)
})
