/** A process that ended: whatever it would have done next does not happen. */
export class Died extends Error {
  override name = 'Died'
}

/** When a process ends: before the real call of a verb, or after it, when its effect is there and its answer is lost. */
export interface Fate {
  readonly verb: string
  readonly when: 'before' | 'after'
}

/**
 * The servers as a process sees them that ends at a named point. The calls up to then are real ones; every later call of any of its
 * servers fails, as nothing runs any more.
 */
export class Mortal {
  died = false
  readonly #fate: Fate

  constructor(fate: Fate) {
    this.#fate = fate
  }

  /** The same servers, in the hands of this process. */
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

  /** A source of bytes is in the hands of the process as well. */
  #heldAnswer(answer: unknown): unknown {
    return typeof answer === 'object' && answer !== null && 'read' in answer ? this.holds(answer) : answer
  }

  #die(where: string): never {
    this.died = true
    throw new Died(where)
  }
}

const isPromise = (value: unknown): value is Promise<unknown> => value instanceof Promise
