import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { webhooks } from '@airlock/client'

const server = createServer(async (request, response) => {
  const event = await webhooks.verify(await text(request), request.headers, process.env.WEBHOOK_SECRET ?? '').catch(() => null)
  if (event !== null) console.log(event.type, event.data.filename)
  response.writeHead(event === null ? 401 : 204).end()
})
server.listen(Number(process.env.PORT ?? 4000), () => console.log('listening'))
