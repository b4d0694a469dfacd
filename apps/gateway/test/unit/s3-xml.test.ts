import { expect, test } from 'vitest'
import { completed, failed, initiated, partList } from '../../src/s3-multipart/xml.ts'

const key = '01a20c8a-c889-76ea-8d32-be283ea0849b'

test('the beginning of an upload', () => {
  expect(initiated({ key, uploadId: 'cap_x-Y_z' })).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>\n<InitiateMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Key>01a20c8a-c889-76ea-8d32-be283ea0849b</Key><UploadId>cap_x-Y_z</UploadId></InitiateMultipartUploadResult>',
  )
})

test('a list of parts, which may be empty', () => {
  const parts = [
    { number: 1, sizeBytes: 5, etag: '"a"' },
    { number: 2, sizeBytes: 3, etag: '"b"' },
  ]
  expect(partList({ key, parts })).toContain(
    '<IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag><Size>5</Size></Part><Part><PartNumber>2</PartNumber><ETag>&quot;b&quot;</ETag><Size>3</Size></Part></ListPartsResult>',
  )
  expect(partList({ key, parts: [] })).toContain('<IsTruncated>false</IsTruncated></ListPartsResult>')
})

test('a URL with a query is text', () => {
  const answer = completed({ location: 'https://s3.example/a?b=1&c=2', key: 'k', etag: '"e"' })
  expect(answer).toContain('<Location>https://s3.example/a?b=1&amp;c=2</Location><Key>k</Key><ETag>&quot;e&quot;</ETag>')
})

test('text of clients can neither add elements nor make the document invalid', () => {
  const message = `File ']]><Location>x</Location>&amp;"\u{0}\u{b}\u{ffff}\u{d800}😀é' is refused.`
  expect(failed({ code: 'file_corrupt', message, requestId: 'r' })).toBe(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>file_corrupt</Code><Message>File &apos;]]&gt;&lt;Location&gt;x&lt;/Location&gt;&amp;amp;&quot;\u{fffd}\u{fffd}\u{fffd}\u{fffd}😀é&apos; is refused.</Message><RequestId>r</RequestId></Error>`,
  )
})
