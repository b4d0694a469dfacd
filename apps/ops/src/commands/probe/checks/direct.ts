import type { PresignedWrite } from '@airlock/storage'
import { type Check, differs, missing, ok } from '../check.ts'

/** A setting that turns direct uploads off. */
const without = 'set DIRECT_UPLOADS_PER_USER=0: files go through gateways only'

const timeoutMs = 10_000
const expiresInSeconds = 60

async function put({ url, headers }: PresignedWrite, text: string): Promise<number> {
  const response = await fetch(url, { method: 'PUT', headers, body: text, signal: AbortSignal.timeout(timeoutMs) })
  await response.arrayBuffer()
  return response.status
}

/** What uploads need whose clients send the bytes straight to the store (docs/direct-uploads.md). */
export const directChecks: readonly Check[] = [
  {
    capability: 'presigned PUT of a part, and a list of parts',
    without,
    try: async ({ store, key }) => {
      const address = { key: key('direct-parts'), uploadId: await store.beginParts(key('direct-parts'), { nonce: 'probe' }) }
      const part = { uploadId: address.uploadId, number: 1 }
      const status = await put(await store.presignWrite(address.key, { sizeBytes: 5, expiresInSeconds, part }), 'bytes')
      if (status !== 200) return missing(`the PUT answers ${status}`)
      const arrived = await store.arrivedParts(address)
      if (arrived?.length !== 1 || arrived[0]?.sizeBytes !== 5) return missing('the part is not in the list')
      return (await store.completeParts(address, arrived)) ? ok() : missing('the parts of the list could not be completed')
    },
  },
  {
    capability: 'a presigned PUT of another length is refused',
    without: 'the length is compared when the upload is completed: until then a client can store more than it declared',
    try: async ({ store, key, head }) => {
      const write = await store.presignWrite(key('direct-length'), { sizeBytes: 5, expiresInSeconds })
      const status = await put(write, 'more than five bytes')
      if (status === 403) return ok()
      return (await head(key('direct-length')).then(
        () => true,
        () => false,
      ))
        ? missing(`answers ${status}`)
        : differs(`answers ${status}`)
    },
  },
  {
    capability: 'a part after Complete is refused',
    without,
    try: async ({ store, key, head }) => {
      const address = { key: key('direct-late'), uploadId: await store.beginParts(key('direct-late'), { nonce: 'probe' }) }
      const part = { uploadId: address.uploadId, number: 1 }
      const write = await store.presignWrite(address.key, { sizeBytes: 5, expiresInSeconds, part })
      await put(write, 'first')
      await store.completeParts(address, (await store.arrivedParts(address)) ?? [])
      const { ETag } = await head(address.key)
      const status = await put(write, 'later')
      if ((await head(address.key)).ETag !== ETag) return missing('it changed the object')
      return status >= 400 ? ok() : missing(`answers ${status}`)
    },
  },
  {
    capability: 'If-None-Match: * on a presigned PUT, checked when it ends',
    without: 'direct uploads of any size are sent in parts',
    try: async ({ store, key }) => ((await store.writesOnce(key('direct-once'))) ? ok() : missing('it is not enforced')),
  },
]
