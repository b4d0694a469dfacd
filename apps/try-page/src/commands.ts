import type { AssetType } from '@airlock/client'

/** The same action as a command for a terminal and as a line of JavaScript. */
export interface Commands {
  /** What they do, as a comment above them where there are several. */
  readonly about: string
  readonly curl: string
  readonly js: string
}

/** Files above this size go straight to the bucket, as by the client. */
const largestFormBytes = 16 * 2 ** 20

export interface SentFile {
  /** Its path, or its name where the page knows no more. */
  readonly path: string
  readonly sizeBytes: number
  readonly kind: AssetType
  readonly projectId?: string | undefined
  readonly brandId?: string | undefined
}

const auth = '-H "Authorization: Bearer $TOKEN"'

/** The first lines of both, once per terminal or program. */
export const setup = (baseUrl: string, userId: string | null): Commands => ({
  about: 'Once',
  curl: `AIRLOCK=${baseUrl}\nTOKEN=${userId === null ? '…' : `$(npm run --silent token -- --user ${userId})`}`,
  js: `import { Airlock } from '@airlock/client'\nconst airlock = new Airlock({ baseUrl: '${baseUrl}', token: process.env.TOKEN ?? '' })`,
})

/** Sends a file: as a form, or straight to the bucket if it is large. */
export function uploadCommands({ path, sizeBytes, kind, projectId, brandId }: SentFile): Commands {
  const fields = { project_id: projectId, brand_id: brandId }
  const given = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
  const form = ['curl -sS "$AIRLOCK/api/upload"', auth, `-F asset_type=${kind}`, ...given.map((field) => `-F ${field}`), formFile(path)]
  const direct = ['AIRLOCK=$AIRLOCK TOKEN=$TOKEN examples/direct-upload/upload.sh', quoted(localPath(path)), kind, ...given]
  const options = { assetType: kind, projectId, brandId }
  const shown = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${literal(value)}`]))
  return {
    about: 'Send the file',
    curl: (sizeBytes > largestFormBytes ? direct : form).join(' \\\n  '),
    js: `const asset = await airlock.upload(${literal(path)}, { ${shown.join(', ')} })`,
  }
}

export const followCommands = (jobId: string): Commands => ({
  about: 'Follow it to its end',
  curl: `curl -sSN "$AIRLOCK/api/jobs/events?ids=${jobId}" ${auth}`,
  js: `for await (const job of airlock.jobs.follow('${jobId}')) console.log(job.status)`,
})

export const cancelCommands = (jobId: string): Commands => ({
  about: 'Cancel it',
  curl: `curl -sS -X DELETE "$AIRLOCK/api/jobs/${jobId}" ${auth}`,
  js: `await airlock.jobs.cancel('${jobId}')`,
})

export const urlCommands = (assetId: string): Commands => ({
  about: 'Get a URL of the asset',
  curl: `curl -sS "$AIRLOCK/api/assets/${assetId}/presigned" ${auth}`,
  js: `const { presigned_url } = await airlock.assets.presign('${assetId}')`,
})

export const deleteCommands = (assetId: string): Commands => ({
  about: 'Delete the asset',
  curl: `curl -sS -X DELETE "$AIRLOCK/api/assets/${assetId}" ${auth}`,
  js: `await airlock.assets.delete('${assetId}')`,
})

export const listCommands = (limit: number): Commands => ({
  about: 'List assets',
  curl: `curl -sS "$AIRLOCK/api/assets?limit=${limit}" ${auth}`,
  js: `const { assets } = await airlock.assets.list({ limit: ${limit} })`,
})

/** For services: a token with the scope `service`. */
export const eventCommands = (userId: string | null): Commands => ({
  about: 'Read new events',
  curl: `SERVICE_TOKEN=${userId === null ? '…' : `$(npm run --silent token -- --user ${userId} --scope service)`}
curl -sS "$AIRLOCK/api/events?after=latest&wait=25" -H "Authorization: Bearer $SERVICE_TOKEN"`,
  js: "for await (const { events } of airlock.events.consume('latest')) console.log(events)",
})

/** A text as one word of a shell. */
const quoted = (text: string): string => (/^[\w./@%+=:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

/** As a path, so that a name that begins with a hyphen is not an option. */
const localPath = (path: string): string => (path.startsWith('-') ? `./${path}` : path)

/** A file of a form: curl reads `;`, `,`, quotes and backslashes of a name unless it is quoted. */
const formFile = (path: string): string => {
  const isPlain = /^[\w./@%+=: -]+$/.test(path)
  return `-F ${quoted(`files=@${isPlain ? path : `"${path.replace(/["\\]/g, '\\$&')}"`}`)}`
}

/** A text as a literal of JavaScript. */
const literal = (text: string): string =>
  /^[^'\\\p{Cc}\u2028\u2029]*$/u.test(text)
    ? `'${text}'`
    : JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
