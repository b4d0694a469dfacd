/** What the run provides to a step. */
export interface StepContext {
  /** The root of the repository. */
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  /** Aborts the step; started processes are still stopped in order. */
  readonly stop: AbortSignal
  readonly say: (line: string) => void
}

/** The result of a check. */
export interface Finding {
  readonly what: string
  readonly verdict: 'ok' | 'failed' | 'skipped'
  readonly ms: number
  /** The measurements, or the error. */
  readonly remark: string
}

/** One part of `npm run test:long`. */
export interface LongStep {
  readonly name: string
  /** One line for `--help`. */
  readonly about: string
  /** @throws errors that are not findings: bugs of the step */
  run(context: StepContext): Promise<Finding[]>
}
