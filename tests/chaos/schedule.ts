import { randomFrom } from './random.ts'

/** Airlock's processes in a run. */
export const processNames = ['gateway-1', 'gateway-2', 'images-1', 'images-2', 'videos-1'] as const
export type ProcessName = (typeof processNames)[number]

/** The servers that they use. */
export const serverNames = ['postgres', 'redis', 's3'] as const
export type ServerName = (typeof serverNames)[number]

interface Kind {
  readonly about: string
  /** The servers that support it, if not all do. */
  readonly only?: readonly ServerName[]
  /** Relative frequency. */
  readonly weight: number
  /** Duration in ms. */
  readonly lasts: readonly [number, number]
  /** Severity, in a unit that depends on the fault. */
  readonly degree?: readonly [number, number]
}

/** All faults, one per row, by what they affect: a process, a server, or the link from one process (or all) to a server. */
export const kinds = {
  process: {
    kill: { about: 'SIGKILL, started again later', weight: 8, lasts: [200, 3000] },
    freeze: { about: 'SIGSTOP, later SIGCONT: longer than a lease, too', weight: 6, lasts: [500, 6000] },
    restart: { about: 'SIGTERM, and started again when it has ended', weight: 3, lasts: [0, 500] },
  },
  server: {
    flush: { about: 'FLUSHALL', only: ['redis'], weight: 3, lasts: [0, 0] },
    full: { about: 'no memory left (OOM), no connection left', only: ['redis', 'postgres'], weight: 3, lasts: [500, 3000] },
    pause: { about: 'frozen: connections stay open, nothing is answered', weight: 3, lasts: [500, 4000] },
    // a store needs ten seconds to stop; a crash is quick
    bounce: { about: 'stopped, and started again', only: ['redis', 'postgres'], weight: 2, lasts: [200, 2000] },
    crash: { about: 'SIGKILL, and started again', weight: 2, lasts: [200, 2000] },
    readonly: { about: 'every transaction is read-only, as after a failover', only: ['postgres'], weight: 2, lasts: [500, 5000] },
  },
  link: {
    cut: { about: 'connections reset, new ones refused', weight: 5, lasts: [100, 3000] },
    hole: { about: 'bytes are held back, and arrive late', weight: 5, lasts: [500, 5000] },
    mute: { about: 'requests arrive, responses are lost', weight: 6, lasts: [200, 2000] },
    slow: { about: 'a delay in ms for each packet', weight: 4, lasts: [1000, 5000], degree: [50, 600] },
    thin: { about: 'throughput in KiB per second', only: ['s3'], weight: 3, lasts: [1000, 5000], degree: [20, 400] },
    busy: { about: '503 SlowDown to every request', only: ['s3'], weight: 3, lasts: [200, 2000] },
  },
} as const satisfies Record<string, Record<string, Kind>>

/** The kind of a fault, and what it affects. */
type Effect =
  | { readonly on: 'process'; readonly kind: keyof typeof kinds.process; readonly process: ProcessName }
  | { readonly on: 'server'; readonly kind: keyof typeof kinds.server; readonly server: ServerName }
  | { readonly on: 'link'; readonly kind: keyof typeof kinds.link; readonly server: ServerName; readonly from: ProcessName | 'all' }

/** A fault with its start and end. */
export type Fault = Effect & { readonly atMs: number; readonly lastsMs: number; readonly degree: number }

/** Interval between faults, in ms. */
const apart = [250, 1300] as const

/** Time of the first fault, when work is already in progress, in ms. */
const firstAtMs = 800

const rows = Object.entries(kinds).flatMap(([on, ofTarget]) =>
  Object.entries(ofTarget).map(([kind, row]: [string, Kind]) => ({ on, kind, ...row })),
)

/**
 * The faults of a run in order of their starts, determined by seed and length. No target has two faults at once.
 */
export function scheduleOf(seed: number, seconds: number): Fault[] {
  const random = randomFrom(seed, 'faults')
  const faults: Fault[] = []
  const busyUntil = new Map<string, number>()
  for (let atMs = firstAtMs; atMs < seconds * 1000; atMs += random.between(...apart)) {
    const { on, kind, only = serverNames, lasts, degree = [0, 0] } = random.weighted(rows)
    const target = {
      ...(on === 'process' ? { process: random.pick(processNames) } : { server: random.pick(only) }),
      ...(on === 'link' && { from: random.chance(0.4) ? 'all' : random.pick(processNames) }),
    }
    const fault = { on, kind, ...target, atMs, lastsMs: random.between(...lasts), degree: random.between(...degree) } as Fault
    const targets = targetsOf(fault)
    if (targets.some((name) => (busyUntil.get(name) ?? 0) > atMs)) continue
    for (const name of targets) busyUntil.set(name, atMs + fault.lastsMs + 500)
    faults.push(fault)
  }
  return faults
}

/** The processes, servers and links that a fault occupies. */
function targetsOf(fault: Fault): string[] {
  if (fault.on === 'process') return [fault.process]
  if (fault.on === 'server') return [fault.server]
  return (fault.from === 'all' ? processNames : [fault.from]).map((name) => `${name}→${fault.server}`)
}

/** `freeze images-1 for 2.1 s`. */
export function describeFault(fault: Fault): string {
  const { kind, lastsMs, degree } = fault
  const target = fault.on === 'link' ? `${fault.from} → ${fault.server}` : targetsOf(fault)[0]
  return `${kind} ${target}${degree === 0 ? '' : ` (${degree})`}${lastsMs === 0 ? '' : ` for ${(lastsMs / 1000).toFixed(1)} s`}`
}
