/** The media type of S3's answers. Uploaders compare it as a whole, so it has no charset; XML without one is UTF-8. */
export const xmlType = 'application/xml'

const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** An element: its text, or its children in order. A list stands for several elements of the same name. */
type Content = string | number | boolean | { readonly [name: string]: Content | readonly Content[] }

/** Names are ours, and never of the client. */
function element(name: string, content: Content | readonly Content[]): string {
  if (Array.isArray(content)) return content.map((one: Content) => element(name, one)).join('')
  const inner = typeof content === 'object' ? children(content as { readonly [name: string]: Content }) : escaped(String(content))
  return `<${name}>${inner}</${name}>`
}

const children = (content: { readonly [name: string]: Content | readonly Content[] }): string =>
  Object.entries(content)
    .map(([name, value]) => element(name, value))
    .join('')

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }

/** Text without markup, and without the characters that XML 1.0 can't contain (https://www.w3.org/TR/xml/#charsets). */
const escaped = (text: string): string =>
  text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
    .replace(/[&<>"']/g, (found) => entities[found] ?? '')

const document = (name: string, content: { readonly [name: string]: Content | readonly Content[] }): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="${namespace}">${children(content)}</${name}>`

/** The answer of CreateMultipartUpload. */
export const initiated = ({ key, uploadId }: { key: string; uploadId: string }): string =>
  document('InitiateMultipartUploadResult', { Key: key, UploadId: uploadId })

export interface ListedPart {
  readonly number: number
  readonly sizeBytes: number
  readonly etag: string
}

/** The answer of ListParts, all on one page. */
export const partList = ({ key, parts }: { key: string; parts: readonly ListedPart[] }): string =>
  document('ListPartsResult', {
    Key: key,
    IsTruncated: false,
    Part: parts.map(({ number, sizeBytes, etag }) => ({ PartNumber: number, ETag: etag, Size: sizeBytes })),
  })

/** The answer of CompleteMultipartUpload. */
export const completed = ({ location, key, etag }: { location: string; key: string; etag: string }): string =>
  document('CompleteMultipartUploadResult', { Location: location, Key: key, ETag: etag })

/** An error, of any operation. S3's errors have no namespace. */
export const failed = ({ code, message, requestId }: { code: string; message: string; requestId: string }): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n${element('Error', { Code: code, Message: message, RequestId: requestId })}`
