import type { UploadFilter, UploadRepository } from '@airlock/database'
import { type ErrorCode, errorCodes, isUuid, type UploadState, uploadStates } from '@airlock/domain'
import { UsageError } from '../../command.ts'

/** Options that select uploads. */
export const filterOptions = {
  state: { type: 'string' },
  code: { type: 'string' },
  user: { type: 'string' },
  since: { type: 'string' },
} as const

export const filterHelp = `  --state <states>  only uploads in these states, separated by commas: ${uploadStates.join(', ')}
  --code <code>      only uploads with this error code (docs/errors.md), such as processing_failed
  --user <uuid>      only uploads of this user
  --since <time>     only uploads that came to their state at this time or later: 2026-11-28T03:00:00Z, or 45m, 2h, 7d ago`

type FilterValues = { readonly [K in keyof typeof filterOptions]?: string | undefined }

/** Which uploads the arguments select. */
export interface Selection {
  /** Absent: the default of the command. */
  readonly states: readonly UploadState[] | null
  readonly code: ErrorCode | null
  readonly userId: string | null
  readonly since: Date | { readonly agoMs: number } | null
}

/** @throws UsageError */
export function selectionOf({ state, code, user, since }: FilterValues): Selection {
  const states = state?.split(',').map((name) => {
    const known = uploadStates.find((candidate) => candidate === name.trim())
    if (known === undefined) throw new UsageError(`--state has '${name}': ${uploadStates.join(', ')}`)
    return known
  })
  const errorCode = errorCodes.find((known) => known === code)
  if (code !== undefined && errorCode === undefined) throw new UsageError(`--code is '${code}': a code of docs/errors.md`)
  if (user !== undefined && !isUuid(user)) throw new UsageError(`--user is '${user}': a UUID`)
  return { states: states ?? null, code: errorCode ?? null, userId: user?.toLowerCase() ?? null, since: timeOf(since) }
}

const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

function timeOf(given: string | undefined): Selection['since'] {
  if (given === undefined) return null
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(given) ?? []
  if (count !== undefined) return { agoMs: Number(count) * units[unit as keyof typeof units] }
  const moment = /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(given) ? new Date(given) : new Date(Number.NaN)
  if (Number.isNaN(moment.getTime())) throw new UsageError(`--since is '${given}': such as 2026-11-28T03:00:00Z, 45m, 2h or 7d`)
  return moment
}

/** @throws UsageError for one that is not a UUID */
export const idsOf = (given: readonly string[]): string[] => {
  const wrong = given.find((id) => !isUuid(id))
  if (wrong !== undefined) throw new UsageError(`'${wrong}' is not the id of an upload: a UUID`)
  return [...new Set(given.map((id) => id.toLowerCase()))]
}

/** Durations count back from the clock of Postgres. */
export async function filterOf(
  { since, code, userId, states }: Selection,
  defaults: readonly UploadState[],
  uploads: Pick<UploadRepository, 'clock'>,
): Promise<UploadFilter> {
  const from = since === null || since instanceof Date ? since : new Date((await uploads.clock()).getTime() - since.agoMs)
  return { states: states ?? defaults, code, userId, since: from }
}

/** A selection in words, for questions. */
export function inWords({ code, userId, since }: Selection, states: readonly UploadState[]): string {
  const from = since === null || since instanceof Date ? since?.toISOString() : `${since.agoMs / 60_000} minutes ago`
  return [
    states.join(', '),
    ...(code ? [`code ${code}`] : []),
    ...(userId ? [`user ${userId}`] : []),
    ...(from ? [`since ${from}`] : []),
  ].join('; ')
}
