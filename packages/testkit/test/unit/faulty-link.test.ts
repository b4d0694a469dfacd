import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FaultyLink } from '../../src/faulty-link.ts'

let server: Server
let link: FaultyLink
/** What arrived at the server, over all connections. */
let arrived = ''

beforeEach(async () => {
  arrived = ''
  server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      arrived += bytes
      socket.write(`<${bytes}>`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  link = new FaultyLink(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`)
  await link.open()
})
afterEach(async () => {
  await link.close()
  server.close()
})

interface Caller {
  readonly socket: Socket
  readonly received: () => string
  readonly ended: Promise<unknown>
}

async function call(): Promise<Caller> {
  const socket = connect(Number(new URL(link.url).port), '127.0.0.1')
  let received = ''
  socket.on('error', () => {})
  socket.on('data', (bytes) => {
    received += bytes
  })
  const ended = new Promise((resolve) => socket.once('close', resolve)) // `once` would reject with the reset
  await Promise.race([new Promise((resolve) => socket.once('connect', resolve)), ended])
  return { socket, received: () => received, ended }
}

const gets = async (caller: Caller, text: string, answer: string) => {
  caller.socket.write(text)
  await expect.poll(caller.received).toBe(answer)
}

test('an open link passes bytes both ways', async () => {
  const caller = await call()
  await gets(caller, 'hello', '<hello>')
})

test('a cut resets what is open and refuses what is new, until it is open again', async () => {
  const caller = await call()
  await gets(caller, 'a', '<a>')
  link.become({ kind: 'cut' })
  await caller.ended
  const refused = await call()
  await refused.ended
  link.become({ kind: 'open' })
  await gets(await call(), 'b', '<b>')
})

test('what falls into a hole arrives when it is open again, over the same connection', async () => {
  const caller = await call()
  link.become({ kind: 'hole' })
  caller.socket.write('late')
  const slow = await call()
  await new Promise((resolve) => slow.socket.write('too', resolve))
  expect(arrived).toBe('')
  link.become({ kind: 'open' })
  await expect.poll(caller.received).toBe('<late>')
  await expect.poll(slow.received).toBe('<too>')
})

test('over a mute link a request arrives and its answer is lost, with its connection', async () => {
  const caller = await call()
  const idle = await call()
  link.become({ kind: 'mute' })
  caller.socket.write('do it')
  await expect.poll(() => arrived).toBe('do it')
  link.become({ kind: 'open' })
  await caller.ended
  expect(caller.received()).toBe('')
  await gets(idle, 'still here', '<still here>')
})

test('a busy link answers for the server, which hears nothing', async () => {
  const caller = await call()
  link.become({ kind: 'busy' })
  caller.socket.write('GET / HTTP/1.1\r\n\r\n')
  await caller.ended
  expect(caller.received()).toMatch(/^HTTP\/1\.1 503 .*<Code>SlowDown<\/Code>/s)
  expect(arrived).toBe('')
})

test('a slow link delays, a thin one takes its time for each byte', async () => {
  const caller = await call()
  const begun = performance.now()
  link.become({ kind: 'slow', delayMs: 60 })
  await gets(caller, 'a', '<a>')
  expect(performance.now() - begun).toBeGreaterThanOrEqual(110)
  link.become({ kind: 'thin', bytesPerSecond: 10 })
  const thin = performance.now()
  await gets(caller, 'b', '<a><b>')
  expect(performance.now() - thin).toBeGreaterThanOrEqual(300)
})
