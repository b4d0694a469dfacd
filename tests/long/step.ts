/** What a step may use of the run around it. */
export interface StepContext {
  /** The folder of the clone. */
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  /** Ends what is under way; what was started is still stopped in order. */
  readonly stop: AbortSignal
  readonly say: (line: string) => void
}

/** What became of one thing that a step proves. */
export interface Finding {
  readonly what: string
  readonly verdict: 'ok' | 'failed' | 'skipped'
  readonly ms: number
  /** What was measured on the way, or what went wrong. */
  readonly remark: string
}

/** One part of `npm run test:long`. */
export interface LongStep {
  readonly name: string
  /** One line for `--help`. */
  readonly about: string
  /** @throws what is not for a finding to tell: a mistake of ours */
  run(context: StepContext): Promise<Finding[]>
}
