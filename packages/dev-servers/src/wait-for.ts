import { setTimeout as pause } from 'node:timers/promises'

/** A timeout, and what is expected, for the error. */
export interface Waiting {
  /** What is expected, for the error: 'the job to be completed'. */
  readonly what: string
  readonly timeoutMs?: number
  readonly everyMs?: number
}

/**
 * Polls until the result is truthy.
 *
 * @returns the truthy result
 * @throws Error that names what was expected; its `cause` is the last error of the check, if any
 */
export async function waitFor<T>(
  question: () => T | Promise<T>,
  { what, timeoutMs = 10_000, everyMs = 50 }: Waiting,
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const { answer, problem } = await ask(question, deadline)
    if (answer) return answer as Exclude<T, false | null | undefined | 0 | ''>
    if (Date.now() >= deadline) throw new Error(`Timed out after ${timeoutMs} ms waiting for ${what}`, { cause: problem })
    await pause(everyMs)
  }
}

/** One check, which ends at the deadline: a server may accept connections without responding. */
async function ask<T>(question: () => T | Promise<T>, deadline: number): Promise<{ answer?: T; problem?: unknown }> {
  try {
    return { answer: await within(Math.max(1, deadline - Date.now()), Promise.resolve(question()), 'an answer') }
  } catch (problem) {
    return { problem }
  }
}

/** @returns the result of the promise. @throws Error at the timeout; the work itself continues, and its result is ignored */
export async function within<T>(timeoutMs: number, work: Promise<T>, what: string): Promise<T> {
  const settled = new AbortController()
  const tooLate = pause(timeoutMs, undefined, settled).then(() => {
    throw new Error(`Timed out after ${timeoutMs} ms waiting for ${what}`)
  })
  return Promise.race([work, tooLate]).finally(() => settled.abort())
}
