import type { Inspection } from '../full/inspect.ts'
import type { InspectedUpload } from '../full/inspector.ts'
import type { InspectionLimits } from '../full/limits.ts'

/** What the parent tells an inspector process. It reads one file at a time. */
export type ToChild =
  | { readonly kind: 'inspect'; readonly size: number; readonly upload: InspectedUpload; readonly limits: InspectionLimits }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** The source failed; why is the parent's to know. */
  | { readonly kind: 'no bytes' }

/** What an inspector process tells its parent. */
export type FromChild =
  | { readonly kind: 'ready' }
  | { readonly kind: 'read'; readonly offset: number; readonly length: number }
  | { readonly kind: 'progress' }
  | { readonly kind: 'verdict'; readonly inspection: Inspection; readonly rssBytes: number }
  /** Neither a verdict nor a crash: the decoder had no time or memory, or a mistake of ours. */
  | { readonly kind: 'failed'; readonly fault: string }
