import { readFileSync } from 'node:fs'
import type { MigrationInterface, QueryRunner } from 'typeorm'
import { expect, test } from 'vitest'
import { migrations } from '../../src/migrations/index.ts'

/**
 * During an upgrade the previous release runs on the new schema, so a migration only adds (docs/upgrading.md). `npm run test:long -- upgrade` lets the
 * previous release process uploads on it.
 */
const { lastMigration } = JSON.parse(readFileSync(new URL('../../previous-release.json', import.meta.url), 'utf8')) as {
  lastMigration: string
}

/** Steps that remove what the previous release no longer uses, by migration: the statement, and why that release does not need what it removes. */
const contractSteps: Readonly<Record<string, readonly { readonly statement: RegExp; readonly reason: string }[]>> = {
  GuardUploadsOnce1795478400034: [
    {
      statement: /^drop (?:trigger|function) uploads_(?:guard|note)_\w+/,
      reason: 'no service names these triggers or calls their functions, and uploads_guard does what they did',
    },
    {
      statement: /^alter table uploads (?:drop constraint uploads_\w+,?)+$/,
      reason: 'uploads_guard refuses the same rows with the same SQLSTATE and the names of these constraints',
    },
    {
      statement: /^create trigger uploads_guard\b/,
      reason: 'it accepts all rows and changes that the dropped checks and triggers accepted',
    },
  ],
  PlanOnce1795478400035: [
    { statement: /^create or replace function uploads_register\(/, reason: 'its results are the same' },
    { statement: /^create or replace function events_write\(/, reason: 'its results are the same' },
  ],
  PlaceEvents1795478400036: [{ statement: /^create function events_place\(/, reason: 'a new function changes rows only for its callers' }],
  TakeTurnsAtOnce1795478400037: [{ statement: /^create or replace function uploads_next_in_turn\(/, reason: 'its results are the same' }],
  PublishProvenance1795478400039: [
    {
      statement: /^create or replace function uploads_write_event\(/,
      reason: 'the event has one more field; its facts contain no provenance, as the previous release knows them',
    },
  ],
  OpenDirectDoor1795478400033: [
    {
      statement: /^alter table uploads drop constraint uploads_door_known\b/,
      reason:
        'each replaced check accepts more than before, and the added ones concern only columns and a door that the previous release never writes',
    },
    {
      statement: /^create trigger uploads_guard_direct\b/,
      reason: "it concerns only rows of the door 'direct', which no service changed before",
    },
  ],
}

/** What the statements and rows of the previous release may violate or miss. An index may be dropped: nothing fails without it. */
const contracting: readonly RegExp[] = [
  /\bdrop (?!index\b|not null\b)/,
  /\brename\b/,
  /\balter (?:column )?\w+ (?:set data )?type\b/,
  /\bset not null\b/,
  /\badd (?:column )?(?:if not exists )?\w+(?:(?!\bdefault\b)[^,;])*\bnot null\b(?![^,;]*\bdefault\b)/,
  /\badd (?:constraint|check|unique|primary key|foreign key|exclude)\b/,
  /\bcreate unique index\b/,
  /\bcreate (?:or replace )?(?:constraint )?trigger\b/,
  /\bcreate or replace (?:function|procedure)\b/,
  /\brevoke\b/,
  /(?:^|;) ?(?:truncate|delete|update)\b/,
]

const withoutComments = (sql: string): string =>
  sql
    .replaceAll(/--.*|\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .toLowerCase()

/** @returns the statements of a migration, without a database */
async function statementsOf(migration: MigrationInterface): Promise<string[]> {
  const statements: string[] = []
  const query = async (sql: string) => {
    statements.push(withoutComments(sql))
    return []
  }
  await migration.up({ query } as unknown as QueryRunner)
  return statements
}

const isContracting = (statement: string): boolean => contracting.some((pattern) => pattern.test(statement))

const names = migrations.map((migration) => new migration().name ?? '')
const released = names.findIndex((name) => name.endsWith(lastMigration.split('-')[0] ?? ''))

test('the last migration of the previous release is in the list', () => {
  expect(released).toBeGreaterThan(0)
})

test.for(migrations.slice(released + 1).map((migration) => new migration()))(
  '$name only adds to the schema',
  async (migration, { expect }) => {
    const allowed = contractSteps[migration.name ?? ''] ?? []
    const statements = (await statementsOf(migration)).filter(isContracting)
    expect(statements.filter((statement) => !allowed.some((step) => step.statement.test(statement)))).toEqual([])
  },
)

test.each([
  ['alter table uploads drop column door', true],
  ['alter table uploads rename column door to way', true],
  ['alter table uploads alter column size_bytes type bigint', true],
  ['alter table uploads alter door set not null', true],
  ['alter table uploads add column origin text not null', true],
  ["alter table uploads add column origin text not null default 'form', add column note text not null", true],
  ['alter table uploads add constraint origin_known check (origin is not null)', true],
  ['create unique index one_per_name on uploads (original_filename)', true],
  ['/* tidy up */ delete from events', true],
  ['drop function accept_upload', true],
  ["alter table uploads add column origin text not null default 'form'", false],
  ["alter table uploads add column origin text default 'form' not null, add column note text", false],
  ['create table notes (id uuid not null, constraint notes_pkey primary key (id))', false],
  ['create index concurrently uploads_due on uploads (updated_at)', false],
  ['alter table uploads alter column door drop not null -- never rename it', false],
])('%s: removes something is %s', (sql, expected) => {
  expect(isContracting(withoutComments(sql))).toBe(expected)
})
