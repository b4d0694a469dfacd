import { createServer } from 'node:http'

/** A store that accepts and discards everything, to measure our side alone. Prints its port. */
const server = createServer((request, response) => {
  request.on('data', () => {})
  request.on('end', () => {
    response.setHeader('etag', '"0123456789abcdef0123456789abcdef"')
    response.end(answerTo(request.method ?? '', request.url ?? ''))
  })
})

const answerTo = (method: string, url: string): string => {
  if (method !== 'POST') return ''
  if (url.includes('uploads')) return '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>'
  return '<CompleteMultipartUploadResult><ETag>"0123456789abcdef0123456789abcdef-1"</ETag></CompleteMultipartUploadResult>'
}

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`)
})
