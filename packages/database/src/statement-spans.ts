import type { Tracing } from '@airlock/domain'
import type { QueryRunner } from 'typeorm'

/** The longest text of a statement in a span. */
const maxTextLength = 2000

/** Makes a statement a span. The text has placeholders instead of values; values are never recorded. */
export function traceStatement<T>(sql: string, work: () => Promise<T>, { trace }: Pick<Tracing, 'trace'>): Promise<T> {
  const summary = summaryOf(sql)
  const text = sql.replace(/\s+/g, ' ').trim().slice(0, maxTextLength)
  const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': summary, 'db.query.text': text }
  return trace({ name: summary, kind: 'client', attributes }, work)
}

/** Makes each statement that TypeORM runs on a connection a span. */
export function traceStatements(runner: QueryRunner, tracing: Pick<Tracing, 'trace'>): void {
  const query = runner.query.bind(runner)
  const traced = (sql: string, ...rest: [unknown[]?, boolean?]) =>
    traceStatement(sql, () => query(sql, ...(rest as [unknown[], true])), tracing)
  runner.query = traced as typeof runner.query
}

/** The verb and the table of a statement, as a name for its span: `update uploads`. Of several, those that change rows. */
function summaryOf(sql: string): string {
  const change = /\b(insert into|delete from|(?<!\bfor |\bdo )update)\s+"?(\w+)/i.exec(sql)
  const read = change ?? /^\s*(?:with|select)\b.*?\b(?<!\bepoch )from\s+"?(?<table>\w+)/is.exec(sql)
  if (read === null) return (/\w+/.exec(sql)?.[0] ?? 'statement').toLowerCase()
  return read.groups?.table === undefined ? `${read[1]} ${read[2]}`.toLowerCase() : `select ${read.groups.table}`.toLowerCase()
}
