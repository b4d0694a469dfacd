import { store, stored, Value } from './value.ts'

export type SessionState =
  | { readonly step: 'starting' }
  | { readonly step: 'ready'; readonly userId: string | null; readonly isPasted: boolean }
  /** The user has to paste a token; `refused`: Airlock no longer accepts the last one. */
  | { readonly step: 'asking'; readonly why: 'missing' | 'refused' }

interface Given {
  readonly token: string
  readonly user_id: string
  readonly expires_in_seconds: number
}

/** A token is renewed this long before it expires, in ms. */
const renewBeforeMs = 60_000

const storedName = 'airlock-pasted-token'

/** The token of the page: from the gateway, which gives one to the page in development, or else pasted by the user and kept in this tab. */
export class Session {
  readonly state = new Value<SessionState>({ step: 'starting' })
  #token: string | null = null
  #renewAt = Number.POSITIVE_INFINITY
  #next: Promise<string> | null = null
  #paste: (token: string) => void = () => {}

  /** For the client. It waits until the user has pasted a token, if it needs to. */
  readonly token = async ({ refresh }: { readonly refresh: boolean }): Promise<string> => {
    // of requests that are refused at the same time, only the first needs a new token
    const isRefused = refresh && this.#next === null && this.#token !== null && !(await isAccepted(this.#token))
    if (this.#token !== null && this.#next === null && !isRefused && performance.now() < this.#renewAt) return this.#token
    this.#next ??= this.#obtain(isRefused).finally(() => {
      this.#next = null
    })
    return this.#next
  }

  get userId(): string | null {
    const state = this.state.get()
    return state.step === 'ready' ? state.userId : null
  }

  /** Takes the token that the user has pasted. */
  paste(text: string): void {
    this.#paste(text.trim().replace(/^Bearer +/i, ''))
  }

  async #obtain(isRefused: boolean): Promise<string> {
    const kept = isRefused ? null : stored<string | null>(storedName, null)
    if (kept !== null) return this.#take(kept, null)
    const given = await fetch('/try/token', { method: 'POST' })
    if (given.ok) {
      const { token, user_id, expires_in_seconds } = (await given.json()) as Given
      return this.#take(token, user_id, Math.max(0, expires_in_seconds * 1000 - renewBeforeMs))
    }
    // the client repeats what may pass
    if (given.status !== 404) throw new Error(`the gateway answered with ${given.status}`)
    store(storedName, null)
    this.state.set({ step: 'asking', why: isRefused ? 'refused' : 'missing' })
    const pasted = await new Promise<string>((resolve) => {
      this.#paste = resolve
    })
    store(storedName, pasted)
    return this.#take(pasted, null)
  }

  #take(token: string, userId: string | null, validMs = Number.POSITIVE_INFINITY): string {
    this.#token = token
    this.#renewAt = performance.now() + validMs
    this.state.set({ step: 'ready', userId: userId ?? subjectOf(token), isPasted: userId === null })
    return token
  }
}

/** Only a refusal counts: while the gateway is gone, the token stays. */
async function isAccepted(token: string): Promise<boolean> {
  const { status } = await fetch('/api/jobs?limit=1', { headers: { authorization: `Bearer ${token}` } })
  return status !== 401
}

/** The user of a token, or null if it is not a JWT. */
function subjectOf(token: string): string | null {
  try {
    const { sub } = JSON.parse(atob((token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')))
    return typeof sub === 'string' ? sub : null
  } catch {
    return null
  }
}
