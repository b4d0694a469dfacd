import type { Breach, Evidence } from './evidence.ts'

/** I10: every refusal has a cause: no 429 below the hourly limit, no 500, and no refusal while everything works. */
export function nobodyIsRefusedWrongly({ history, uploads, sent, filesPerHour }: Evidence): Breach[] {
  const rowsOf = new Map<string, number>()
  for (const { user_id: userId } of uploads.values()) rowsOf.set(userId, (rowsOf.get(userId) ?? 0) + 1)
  const breach = (what: string): Breach => ({ invariant: 'I10', uploadId: null, what })
  const fullHours = history
    .all('refused')
    .filter(({ code }) => code === 'file_limit_reached')
    // all rows of the user are at least those that counted at the refusal
    .map(({ name }) => ({ name, rows: rowsOf.get(sent.get(name)?.userId ?? '') ?? 0 }))
    .filter(({ rows }) => rows < filesPerHour)
    .map(({ name, rows }) => breach(`${name}: file_limit_reached, and its user has ${rows} of ${filesPerHour} files`))
  const ourMistakes = history
    .all('failed')
    .filter(({ why }) => why.startsWith('500'))
    .map(({ what, name, uploadId = null }) => ({ ...breach(`${name ?? what}: 500, as if no server had been unavailable`), uploadId }))
  return [...fullHours, ...ourMistakes, ...history.all('refused wrongly').map(({ name, why }) => breach(`${name ?? 'a gateway'}: ${why}`))]
}
