import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type AnswerMessage,
  answering,
  type ReceiverOptions,
  testCertificate,
  type WebhookReceiver,
  webhookReceiver,
} from '@airlock/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { AddressRefused, type Resolve, systemResolve } from '../../src/addresses.ts'
import { isPublicAddress } from '../../src/index.ts'
import { NoAnswer, type PostOptions, post } from '../../src/post.ts'

async function receiver(options: ReceiverOptions = {}): Promise<WebhookReceiver> {
  const started = await webhookReceiver(options)
  onTestFinished(() => started.close())
  return started
}

const anywhere: PostOptions = { resolve: systemResolve(), mayCall: () => true, timeoutMs: 5000 }

const sends = async (url: string, options: Partial<PostOptions> = {}) =>
  (await post(url, { 'content-type': 'application/json' }, '{}', { ...anywhere, ...options })).status

/** A resolver that returns these addresses in order, and then the last one again. */
function named(...answers: string[][]): Resolve & { asked: string[] } {
  const asked: string[] = []
  const resolve = async (hostname: string): Promise<LookupAddress[]> => {
    asked.push(hostname)
    const addresses = answers[Math.min(asked.length, answers.length) - 1] ?? []
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  }
  return Object.assign(resolve, { asked })
}

test('the status of the response is returned', async () => {
  const { url, messages, answers } = await receiver()
  for (const code of [200, 204, 400, 410, 500]) {
    answers(answering.status(code))
    expect(await sends(url)).toBe(code)
  }
  expect(messages[0]).toMatchObject({ path: '/hooks', body: '{}', headers: { 'content-length': '2', connection: 'close' } })
})

test('Retry-After is parsed', async () => {
  const asked = async (retryAfter: string) => {
    const { url } = await receiver({ answer: answering.status(429, { 'retry-after': retryAfter }) })
    return (await post(url, {}, '{}', anywhere)).retryAfterMs
  }
  expect(await asked('120')).toBe(120_000)
  const inAMinute = await asked(new Date(Date.now() + 61_000).toUTCString())
  expect(inAMinute).toBeGreaterThan(50_000)
  expect(inAMinute).toBeLessThanOrEqual(61_000)
  for (const nothing of ['0', '-5', 'soon', 'Wed, 21 Oct 2015 07:28:00 GMT']) expect(await asked(nothing)).toBeNull()
})

test('concurrent lookups of a name share one query', async () => {
  const asked: string[] = []
  const answers: (() => void)[] = []
  const resolve = systemResolve((hostname) => {
    asked.push(hostname)
    return new Promise((answer) => answers.push(() => answer([{ address: '8.8.8.8', family: 4 }])))
  })
  const waiting = [resolve('hooks.example.com'), resolve('hooks.example.com'), resolve('other.example.com')]
  expect(asked).toEqual(['hooks.example.com', 'other.example.com'])
  for (const answer of answers) answer()
  expect(await Promise.all(waiting)).toHaveLength(3)
  void resolve('hooks.example.com')
  expect(asked, 'no lookup is cached').toHaveLength(3)
})

test('an endpoint that refuses connections at all of its addresses is reported by the error code', async () => {
  const { port, close } = await webhookReceiver()
  await close()
  const resolve = named(['127.0.0.1', '127.0.0.2'])
  await expect(sends(`http://hooks.example.com:${port}/`, { resolve })).rejects.toThrow('ECONNREFUSED')
})

test('the status counts even if the connection breaks before the end of the body', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('a part', () => response.destroy())
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  expect(await sends(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).toBe(200)
})

test('a redirect is not followed', async () => {
  const secret = await receiver()
  const { url } = await receiver({ answer: answering.status(307, { location: secret.url }) })
  expect(await sends(url)).toBe(307)
  expect(secret.messages).toEqual([])
})

test.for([
  'http://127.0.0.1',
  'http://[::1]',
  'http://[::ffff:127.0.0.1]',
  'http://2130706433',
  'http://0x7f.1',
  'http://127.1',
  'http://169.254.169.254',
])('%s is refused without a connection', async (origin, { expect }) => {
  const { port, messages } = await receiver()
  await expect(sends(`${origin}:${port}/hooks`, { mayCall: isPublicAddress })).rejects.toThrow(AddressRefused)
  expect(messages).toEqual([])
})

test.for([['127.0.0.1'], ['10.0.0.1'], ['::1'], ['::ffff:127.0.0.1'], ['8.8.8.8', '127.0.0.1'], []])(
  'a name with the addresses %j is refused without a connection',
  async (addresses, { expect }) => {
    const { port, messages } = await receiver()
    const refused = sends(`http://hooks.example.com:${port}/`, { mayCall: isPublicAddress, resolve: named(addresses) })
    await expect(refused).rejects.toThrow(AddressRefused)
    expect(messages).toEqual([])
  },
)

test('the name of this machine is refused, as the system resolves it', async () => {
  const { port, messages } = await receiver()
  await expect(sends(`http://localhost:${port}/`, { mayCall: isPublicAddress })).rejects.toThrow(AddressRefused)
  expect(messages).toEqual([])
})

/** Linux has all of 127.0.0.0/8, so one machine can have an allowed and a forbidden address. */
test.runIf(process.platform === 'linux')(
  'the connection uses the checked address, even if the name resolves to another one',
  { meta: { id: 'webhook-dns-rebinding' } },
  async () => {
    const inside = await receiver({ host: '127.0.0.1' })
    const outside = await receiver({ host: '127.0.0.2', port: inside.port })
    const mayCall = (address: string) => address === '127.0.0.2'
    const resolve = named(['127.0.0.2'], ['127.0.0.1'])
    const url = `http://rebinding.example.com:${inside.port}/hooks`

    expect(await sends(url, { mayCall, resolve })).toBe(204)
    expect(resolve.asked, 'one lookup for each connection').toEqual(['rebinding.example.com'])
    expect(outside.messages).toHaveLength(1)
    expect(outside.messages[0]?.headers.host).toBe(`rebinding.example.com:${inside.port}`)

    await expect(sends(url, { mayCall, resolve })).rejects.toThrow('rebinding.example.com has the address 127.0.0.1, which is not public')
    expect(inside.messages).toEqual([])
  },
)

test('the certificate must match the name, not the checked address', async () => {
  const { port, messages } = await receiver({ tls: true })
  const options = { resolve: named(['127.0.0.1']), ca: testCertificate.cert }
  expect(await sends(`https://hooks.example.com:${port}/`, options)).toBe(204)
  await expect(sends(`https://other.example.com:${port}/`, options)).rejects.toThrow(/does not match certificate/)
  await expect(sends(`https://hooks.example.com:${port}/`, { resolve: options.resolve })).rejects.toThrow(/certificate/)
  expect(messages).toHaveLength(1)
})

const slow: Record<string, AnswerMessage> = {
  'never answers': answering.never,
  'sends its head byte by byte': (response) => {
    response.socket?.write('HTTP/1.1 200 OK\r\nx-more: ')
    const timer = setInterval(() => response.socket?.write('x'), 20)
    response.on('close', () => clearInterval(timer))
  },
}

test.for(Object.entries(slow))('a request to an endpoint that %s times out', async ([, answer], { expect }) => {
  const { url } = await receiver({ answer })
  const begun = performance.now()
  await expect(sends(url, { timeoutMs: 200 })).rejects.toThrow(new NoAnswer('no answer within 0.2 s'))
  expect(performance.now() - begun).toBeLessThan(3000)
})

test('a resolver that never responds times out', async () => {
  const resolve = () => new Promise<never>(() => {})
  await expect(sends('http://hooks.example.com/', { timeoutMs: 100, resolve })).rejects.toThrow(NoAnswer)
})

test('only a part of an endless response is read, and its status counts', { meta: { id: 'webhook-endless-answer' } }, async () => {
  let written = 0
  let cut = () => {}
  const isCut = new Promise<void>((resolve) => (cut = resolve))
  const { url } = await receiver({
    answer: (response) => {
      response.writeHead(200)
      const chunk = Buffer.alloc(64 * 1024)
      const more = () => {
        do written += chunk.length
        while (!response.destroyed && response.write(chunk))
      }
      response
        .on('drain', more)
        .on('close', cut)
        .on('error', () => {})
      more()
    },
  })
  expect(await sends(url)).toBe(200)
  await isCut
  expect(written).toBeLessThan(32 * 1024 * 1024)
})

test('a response whose body never ends counts, and ends at the timeout', async () => {
  const { url } = await receiver({ answer: (response) => void response.writeHead(200).write('…') })
  expect(await sends(url, { timeoutMs: 200 })).toBe(200)
})

test('an endless response header is an error', async () => {
  const { url } = await receiver({ answer: (response) => response.writeHead(200, { 'x-more': 'x'.repeat(64 * 1024) }).end() })
  await expect(sends(url)).rejects.toThrow(/Header/)
})

test('an endpoint that upgrades to another protocol is an error', async () => {
  const { url } = await receiver({ answer: (response) => response.writeHead(101, { upgrade: 'h2c', connection: 'upgrade' }).end() })
  await expect(sends(url)).rejects.toThrow('the connection was closed without an answer')
})

test('an endpoint that closes or refuses the connection is an error', async () => {
  const gone = await receiver({ answer: (response) => response.socket?.destroy() })
  await expect(sends(gone.url)).rejects.toThrow('socket hang up')
  await gone.close().catch(() => {})
  await expect(sends(gone.url)).rejects.toThrow(/ECONNREFUSED/)
})

test('an endpoint that is unreachable at all addresses is reported with a reason', async () => {
  const gone = await receiver()
  await gone.close()
  await expect(sends(`http://hooks.example.com:${gone.port}/`, { resolve: named(['127.0.0.1', '127.0.0.2']) })).rejects.toThrow(
    'ECONNREFUSED',
  )
})

test('an abort signal ends the request', async () => {
  const { url } = await receiver({ answer: answering.never })
  await expect(sends(url, { signal: AbortSignal.timeout(50) })).rejects.toThrow(/aborted/)
})
