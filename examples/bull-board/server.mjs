// A read-only view of Airlock's queues: docs/monitoring.md, "Look into the queues".
//
// It is a separate program, on a port that only operators can reach. Do not add it to the gateway: that port is public, job data contain names of
// files and ids of users, and a mistake in its authentication would open them to everyone.
import { timingSafeEqual } from 'node:crypto'
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { FastifyAdapter } from '@bull-board/fastify'
import basicAuth from '@fastify/basic-auth'
import { Queue } from 'bullmq'
import fastify from 'fastify'
import { Redis } from 'ioredis'

const { REDIS_URL = '', BOARD_PASSWORD = '', HOST = '127.0.0.1', PORT = '3002' } = process.env
if (REDIS_URL === '' || BOARD_PASSWORD.length < 16) {
  process.stderr.write('REDIS_URL, with the user board, and BOARD_PASSWORD, at least 16 characters, are required.\n')
  process.exit(1)
}

const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: 1 })
connection.on('error', ({ message }) => process.stderr.write(`redis: ${message}\n`))

// skipMetasUpdate: a queue would otherwise write its options to Redis, which this user may not
const queues = ['airlock-images', 'airlock-videos', 'airlock-training'].map(
  (name) => new Queue(name, { connection, prefix: '{airlock}', skipMetasUpdate: true }),
)
for (const queue of queues) queue.on('error', ({ message }) => process.stderr.write(`${queue.name}: ${message}\n`))

const board = new FastifyAdapter()
createBullBoard({
  queues: queues.map(
    (queue) => new BullMQAdapter(queue, { readOnlyMode: true, description: 'Read-only; operators change uploads by npm run ops' }),
  ),
  serverAdapter: board,
})

const isEqual = (given, wanted) => given.length === wanted.length && timingSafeEqual(given, wanted)

const app = fastify({ logger: { level: 'warn' } })
await app.register(basicAuth, {
  authenticate: { realm: 'Airlock queues' },
  validate: async (_user, password) => {
    if (!isEqual(Buffer.from(password), Buffer.from(BOARD_PASSWORD))) throw new Error('wrong password')
  },
})
app.addHook('onRequest', app.basicAuth)
// the third protection, after readOnlyMode and the user of Redis
app.addHook('onRequest', async ({ method }, reply) => {
  if (method !== 'GET' && method !== 'HEAD') return reply.code(405).send({ error: 'This board is read-only.' })
})
await app.register(board.registerPlugin(), { prefix: '/' })

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    await app.close()
    await Promise.all(queues.map((queue) => queue.close()))
    connection.disconnect()
  })
process.stdout.write(`${await app.listen({ host: HOST, port: Number(PORT) })}\n`)
