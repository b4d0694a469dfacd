import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { port } from './settings.ts'

/** A program: the least that an upload can cost. It hashes the body of each request and discards it, without parsing it. */

createServer(async (request, response) => {
  const hash = createHash('sha256')
  try {
    for await (const chunk of request) hash.update(chunk)
    const body = JSON.stringify({ sha256: hash.digest('hex') })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
  } catch {
    response.destroy() // the client has closed the connection
  }
}).listen(port(), '127.0.0.1')
