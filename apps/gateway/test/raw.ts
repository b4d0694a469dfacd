import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A connection of a test's own. What the server does to it is what the test looks at, so its errors say nothing. */
export async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.on('error', () => {})
  return socket
}

/** Writes bytes as they are, and reads the first answer until it is whole, the connection ends, or the time is over. */
export async function exchange(url: string, request: Uint8Array | string, timeoutMs = 10_000): Promise<{ status: number; text: string }> {
  const socket = await open(url)
  const timer = setTimeout(() => socket.destroy(), timeoutMs)
  let text = ''
  try {
    socket.write(request)
    for await (const chunk of socket.iterator({ destroyOnReturn: true })) {
      text += (chunk as Buffer).toString('latin1')
      if (isWhole(text)) break
    }
  } catch {
    // a connection that was reset ends the answer
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text }
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0)
  return text.length >= end + 4 + length
}
