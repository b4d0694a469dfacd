import { encodedForm } from '@airlock/testkit/encoded-form'
import type { FileToSend } from './files.ts'

/** Longer than a gateway may take, so that a late answer is seen as the answer that it is. */
const patienceMs = 14_000

/** What an answer came to. `lost`: there was none, so nobody knows what happened. */
export type Answer = { readonly status: number; readonly body: unknown } | { readonly lost: string }

export interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly token: string
  readonly form?: FormData
  /** Sent as JSON. */
  readonly json?: object
  readonly headers?: Record<string, string>
  /** The caller hangs up when this fires. */
  readonly signal?: AbortSignal | undefined
}

/** Sends one request. It never throws: what goes wrong on the way is an answer that got lost. */
export async function call(url: string, { method = 'GET', token, form, json, headers, signal }: Call): Promise<Answer> {
  const timeout = AbortSignal.timeout(patienceMs)
  try {
    const content = form === undefined ? jsonContent(json) : await encodedForm(form)
    const answer = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(content !== null && { 'content-type': content.type }), ...headers },
      body: content?.body ?? null,
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? null : (JSON.parse(text) as unknown) }
  } catch (error) {
    const { message, cause } = error as Error
    return { lost: cause instanceof Error ? `${message}: ${cause.message}` : message }
  }
}

const jsonContent = (json?: object) => (json === undefined ? null : { body: JSON.stringify(json), type: 'application/json' })

/** A form of files of one kind; its fields come before the files or after them. */
export function formOf(files: readonly FileToSend[], { projectId, fieldsFirst }: { projectId: string; fieldsFirst: boolean }): FormData {
  const form = new FormData()
  const fields = () => {
    form.set('asset_type', files[0]?.assetType ?? '')
    if (files[0]?.assetType === 'generated_video') form.set('project_id', projectId)
  }
  if (fieldsFirst) fields()
  for (const { bytes, name, mediaType } of files) form.append('files', new File([bytes], name, { type: mediaType }))
  if (!fieldsFirst) fields()
  return form
}
