/** How long to wait for something, and what to call it when it does not come. */
export interface Waiting {
  /** What is waited for, as it should stand in the error: 'the job to be completed'. */
  readonly what: string
  readonly timeoutMs?: number
  readonly everyMs?: number
}

/**
 * Asks again and again until the answer is truthy.
 *
 * @returns the truthy answer
 * @throws Error that names what was waited for; its `cause` is what the last question threw, if it threw
 */
export async function waitFor<T>(
  question: () => T | Promise<T>,
  { what, timeoutMs = 10_000, everyMs = 50 }: Waiting,
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const { answer, problem } = await ask(question, deadline)
    if (answer) return answer as Exclude<T, false | null | undefined | 0 | ''>
    if (Date.now() >= deadline) throw new Error(`Waited ${timeoutMs} ms for ${what}, in vain`, { cause: problem })
    await pause(everyMs)
  }
}

/** One question, which may not outlive the deadline: a server that accepts connections and says nothing is no answer. */
async function ask<T>(question: () => T | Promise<T>, deadline: number): Promise<{ answer?: T; problem?: unknown }> {
  try {
    return { answer: await within(Math.max(1, deadline - Date.now()), Promise.resolve(question()), 'an answer') }
  } catch (problem) {
    return { problem }
  }
}

/** @returns what the promise gives. @throws Error when it takes longer; the work itself goes on, unheard */
export async function within<T>(timeoutMs: number, work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${timeoutMs} ms for ${what}, in vain`)), timeoutMs)
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
