/** How long one check by a HEAD is a proof for other copies, in ms. */
const provenForMs = 60_000

/**
 * Whether the store's answers to copies can be believed without a HEAD of the copy.
 *
 * An answer has no size and no metadata, and that of some stores no encryption. They follow from the request, if the store does what it was asked for.
 * So the first copy of a process is checked by a HEAD, and then one per minute: a store whose behaviour changes is noticed within that time, and from
 * the first copy that fails its check until one passes, all are checked (docs/decisions/2026-12-03-a-head-proves-copies-for-a-minute.md).
 */
export class CopyAnswers {
  #provenUntil = 0

  /** @returns false once a minute: then the caller checks its copy, and calls `proved` if the answer was true. Callers until then check theirs too */
  areTrusted(): boolean {
    if (performance.now() < this.#provenUntil) return true
    this.#provenUntil = 0
    return false
  }

  proved(): void {
    this.#provenUntil = performance.now() + provenForMs
  }
}
