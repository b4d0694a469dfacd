import { Value } from './value.ts'

/** Whether the gateway answers, and which of its servers do not. */
export type Health = { readonly is: 'unknown' | 'ok' | 'gone' } | { readonly is: 'degraded'; readonly missing: readonly string[] }

const everyMs = 5000
const goneEveryMs = 1500
const timeoutMs = 4000

const names: Readonly<Record<string, string>> = { database: 'Postgres', redis: 'Redis', s3: 'the object store' }

/** Asks for the state of the gateway while the page is visible. */
export class HealthWatch {
  readonly state = new Value<Health>({ is: 'unknown' })
  #timeouts = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  start(): void {
    document.addEventListener('visibilitychange', () => this.#look())
    void this.#look()
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer)
    if (document.visibilityState === 'hidden') return
    const now = await healthNow()
    // once, the request may only have waited for one of the browser's connections, which uploads use
    this.#timeouts = now === null ? this.#timeouts + 1 : 0
    const next = now ?? (this.#timeouts > 1 ? { is: 'gone' } : this.state.get())
    if (JSON.stringify(next) !== JSON.stringify(this.state.get())) this.state.set(next)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#look(), next.is === 'gone' ? goneEveryMs : everyMs)
  }
}

/** @returns null if there was no answer in time */
async function healthNow(): Promise<Health | null> {
  try {
    const response = await fetch('/api/health', { signal: AbortSignal.timeout(timeoutMs), cache: 'no-store' })
    const { dependencies } = (await response.json()) as { dependencies: Record<string, { status: string }> }
    const missing = Object.entries(dependencies).filter(([, { status }]) => status !== 'connected')
    return missing.length === 0 ? { is: 'ok' } : { is: 'degraded', missing: missing.map(([name]) => names[name] ?? name) }
  } catch (error) {
    return error instanceof DOMException && error.name === 'TimeoutError' ? null : { is: 'gone' }
  }
}
