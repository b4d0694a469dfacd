import { useEffect, useState } from 'preact/hooks'

/** A value that components show and other parts of the page change. */
export class Value<T> {
  #current: T
  readonly #listeners = new Set<() => void>()

  constructor(initial: T) {
    this.#current = initial
  }

  get(): T {
    return this.#current
  }

  set(next: T): void {
    if (Object.is(next, this.#current)) return
    this.#current = next
    for (const listener of this.#listeners) listener()
  }

  /** @returns a function that ends it */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** The current value; the component is rendered again when it changes. */
export function useValue<T>(value: Value<T>): T {
  const [current, setCurrent] = useState(() => value.get())
  useEffect(() => {
    const take = () => setCurrent(() => value.get())
    take() // it may have changed since the first render
    return value.subscribe(take)
  }, [value])
  return current
}

/** The part of `Storage` that is used. Browsers that forbid storage throw at each use: the page then keeps nothing across a reload. */
export function stored<T>(name: string, fallback: T): T {
  try {
    return (JSON.parse(sessionStorage.getItem(name) ?? 'null') as T | null) ?? fallback
  } catch {
    return fallback
  }
}

export function store(name: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(name)
    else sessionStorage.setItem(name, JSON.stringify(value))
  } catch {
    // full or forbidden
  }
}
