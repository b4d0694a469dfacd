import { once } from 'node:events'

const timeoutMs = 30_000

/**
 * Collects the garbage of another Node process, which was started with `--inspect`, through the Chrome DevTools protocol
 * (https://chromedevtools.github.io/devtools-protocol/v8/).
 *
 * @param port of its inspector, on 127.0.0.1
 * @returns the bytes of its heap that are in use then
 */
export async function heapAfterGc(port: number): Promise<number> {
  const signal = AbortSignal.timeout(timeoutMs)
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`, { signal })).json()) as { webSocketDebuggerUrl: string }[]
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? '')
  try {
    await once(socket, 'open', { signal })
    const call = async (id: number, method: string): Promise<{ usedSize?: number }> => {
      socket.send(JSON.stringify({ id, method }))
      for (;;) {
        const [event] = (await once(socket, 'message', { signal })) as [{ data: string }]
        const answer = JSON.parse(event.data) as { id?: number; result?: object }
        if (answer.id === id) return answer.result ?? {}
      }
    }
    await call(1, 'HeapProfiler.collectGarbage')
    return (await call(2, 'Runtime.getHeapUsage')).usedSize ?? Number.NaN
  } finally {
    socket.close()
  }
}
