/** The process died: later calls do not happen. */
export class Died extends Error {
  override name = 'Died'
}

/** When a process dies: before the real call, or after it took effect, with its response lost. */
export interface Fate {
  readonly verb: string
  readonly when: 'before' | 'after'
}

/**
 * The servers of a process that dies at a given call. Calls up to then are real; every later call to any server fails.
 */
export class Mortal {
  died = false
  readonly #fate: Fate

  constructor(fate: Fate) {
    this.#fate = fate
  }

  /** The same servers, used by this process. */
  holds<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (real, name, receiver) => {
        const member = Reflect.get(real, name, receiver)
        if (typeof member !== 'function') return member
        return (...args: unknown[]) => this.#call(String(name), () => member.apply(real, args))
      },
    })
  }

  #call(verb: string, real: () => unknown): unknown {
    if (this.died) throw new Died(`after the end of the process: ${verb}`)
    const fatal = verb === this.#fate.verb
    if (fatal && this.#fate.when === 'before') this.#die(`before ${verb}`)
    const answer = real()
    if (!fatal) return isPromise(answer) ? answer : this.#heldAnswer(answer)
    return Promise.resolve(answer).then(() => this.#die(`after ${verb}`))
  }

  /** A source of bytes that the process uses. */
  #heldAnswer(answer: unknown): unknown {
    return typeof answer === 'object' && answer !== null && 'read' in answer ? this.holds(answer) : answer
  }

  #die(where: string): never {
    this.died = true
    throw new Died(where)
  }
}

const isPromise = (value: unknown): value is Promise<unknown> => value instanceof Promise
