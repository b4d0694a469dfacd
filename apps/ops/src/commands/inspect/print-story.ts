import type { DeliveryRow, EventRecord, OpsLogEntry, UploadRecord } from '@airlock/database'
import { assetKind } from '@airlock/domain'
import { age, printable, Table } from '../../table.ts'
import type { ObjectState, Story } from './read-stories.ts'

type Detail = readonly [label: string, value: string | null]

/** Texts in it may come from users, and have no control characters in the result. Absent values are left out. */
const details = (all: readonly Detail[]): string[] =>
  all.flatMap(([label, value]) => (value === null || value === '' ? [] : [`  ${label.padEnd(14)} ${printable(value)}`]))

const time = (at: Date | null): string | null => at?.toISOString() ?? null

const eventTable = new Table<EventRecord>([
  { title: '  AT', width: 26, of: ({ createdAt }) => `  ${createdAt.toISOString()}` },
  { title: 'POSITION', width: 10, of: ({ position }) => (position === null ? 'none yet' : String(position)) },
  { title: 'TYPE', width: 18, of: ({ type }) => type },
  { title: 'EVENT', width: 36, of: ({ id }) => id },
])

const deliveryTable = new Table<DeliveryRow>([
  { title: '  ENDPOINT', width: 40, of: ({ endpoint }) => `  ${endpoint}` },
  { title: 'POSITION', width: 10, of: ({ position }) => String(position) },
  { title: 'STATE', width: 9, of: ({ state }) => state },
  { title: 'ATTEMPTS', width: 8, of: ({ attempts }) => String(attempts) },
  { title: 'ENDED OR NEXT', width: 24, of: ({ endedAt, nextAttemptAt }) => (endedAt ?? nextAttemptAt).toISOString() },
])

const changeTable = new Table<OpsLogEntry>([
  { title: '  AT', width: 26, of: ({ at }) => `  ${at.toISOString()}` },
  { title: 'ACTION', width: 7, of: ({ action }) => action },
  { title: 'OPERATOR', width: 28, of: ({ operator }) => operator },
  { title: 'REASON', width: 33, of: ({ reason }) => reason ?? '-' },
])

/** @param now by the clock of Postgres */
export function linesOf({ uploadId, upload, asset, objects, events, deliveries, changes }: Story, now: Date): string[] {
  const section = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : ['', title, ...lines])
  return [
    uploadId === null ? 'No upload: the asset was created by another program' : `Upload ${uploadId}`,
    ...(upload === null
      ? uploadId === null
        ? []
        : ['  no row: deleted after its retention, or never registered']
      : aboutUpload(upload, now)),
    ...section('Moves', upload === null ? [] : movesOf(upload)),
    ...section('Objects', objects.flatMap(aboutObject)),
    ...section(
      `Asset ${asset?.id}`,
      asset === null
        ? []
        : details([
            ['owner', asset.userId],
            ['kind', asset.assetType],
            ['file', asset.filename],
            ['content', [asset.mediaType, asset.sizeBytes === null ? null : `${asset.sizeBytes} bytes`].filter(Boolean).join(', ')],
            ['created', time(asset.createdAt)],
            ['last access', time(asset.lastAccessedAt)],
            ['expires', time(asset.expiringAt)],
          ]),
    ),
    ...section('Events', rowsOf(eventTable, events)),
    ...section(
      'Webhook deliveries',
      rowsOf(deliveryTable, deliveries, ({ lastError }) => lastError),
    ),
    ...section(
      'Changes by operators',
      rowsOf(changeTable, changes, ({ details: more, requestId }) =>
        [requestId === null ? '' : `request ${requestId}`, Object.keys(more).length === 0 ? '' : JSON.stringify(more)]
          .filter(Boolean)
          .join(' '),
      ),
    ),
  ]
}

function rowsOf<T>(table: Table<T>, rows: readonly T[], below: (row: T) => string | null = () => null): string[] {
  if (rows.length === 0) return []
  return [table.header, ...rows.flatMap((row) => [table.row(row), ...(below(row) ? [`    ${printable(below(row) ?? '')}`] : [])])]
}

const aboutUpload = (upload: UploadRecord, now: Date): string[] => {
  const { refusal, leaseUntil } = upload
  const inspections = upload.failedInspections === 0 ? '' : `, ${upload.failedInspections} inspections in a row without a verdict`
  return details([
    ['state', upload.state],
    ['owner', upload.userId + (upload.actedBy === null ? '' : `, for whom ${upload.actedBy} acted`)],
    ['kind', upload.assetType === null ? null : `${upload.assetType}, lane ${assetKind(upload.assetType).lane}`],
    ['door', upload.door + (upload.priority === null ? '' : `, priority ${upload.priority}`)],
    ['declared', openUntil(upload)],
    ['project', upload.projectId],
    ['brand', upload.brandId],
    ['file', upload.filename],
    [
      'content',
      [upload.detectedType ?? `declared ${upload.declaredType}`, upload.sizeBytes === null ? '' : `${upload.sizeBytes} bytes`]
        .filter(Boolean)
        .join(', '),
    ],
    ['sha-256', upload.contentHash],
    ['attempts', `${upload.attempt}, ${upload.handedBack} of them handed back${inspections}`],
    ['failing since', time(upload.failingSince)],
    ['next attempt', time(upload.nextAttemptAt)],
    [
      'lease until',
      leaseUntil === null
        ? null
        : `${leaseUntil.toISOString()}${leaseUntil <= now ? `, expired ${age(now.getTime() - leaseUntil.getTime())} ago` : ''}`,
    ],
    ['code', refusal?.code ?? null],
    ['reason', refusal?.detail ?? null],
    ['last fault', upload.lastFault],
    ['request', upload.requestId],
  ])
}

/** What the client of a direct upload declared. */
const openUntil = ({ declaredBytes, partBytes, expiresAt }: UploadRecord): string | null =>
  declaredBytes === null
    ? null
    : `${declaredBytes} bytes in ${partBytes === null ? 'one PUT' : `parts of ${partBytes} bytes`}, to be completed by ${time(expiresAt)}`

/** The row keeps the last time of each move. */
const movesOf = (upload: UploadRecord): string[] =>
  details([
    ['registered', time(upload.createdAt)],
    ['accepted', time(upload.receivedAt)],
    ['claimed last', time(upload.processingAt)],
    ['parked last', time(upload.parkedAt)],
    ['completed', time(upload.completedAt)],
    ['rejected', time(upload.rejectedAt)],
    ['abandoned', time(upload.abandonedAt)],
    ['changed last', time(upload.updatedAt)],
  ])

function aboutObject({ place, key, bucket, exists, sizeBytes, lastModified, error }: ObjectState): string[] {
  const found = exists === null ? `unknown: ${error}` : exists ? `${sizeBytes} bytes, written ${time(lastModified)}` : 'does not exist'
  return details([
    [place, found],
    ['', bucket === null ? key : `${bucket}/${key}`],
  ])
}
