import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Opens a connection whose errors are ignored: the test checks what the server sends, and the server may reset it. */
export async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.on('error', () => {})
  return socket
}

/** Writes bytes unchanged, and reads the first response until it is complete, the connection ends, or the timeout expires. */
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
    // a reset of the connection ends the response
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
