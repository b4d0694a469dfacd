import { randomFrom } from './random.ts'

/** Airlock's processes in a run. */
export const members = ['gateway-1', 'gateway-2', 'images-1', 'images-2', 'videos-1'] as const
export type MemberName = (typeof members)[number]

/** The servers that they use. */
export const servers = ['postgres', 'redis', 's3'] as const
export type ServerName = (typeof servers)[number]

/** The target of a fault: a process, a server, or the link from one process (or all) to a server. */
export type Target =
  | { readonly member: MemberName }
  | { readonly server: ServerName }
  | { readonly link: ServerName; readonly from: MemberName | 'all' }

interface Kind {
  readonly about: string
  readonly hits: 'member' | 'server' | 'link'
  /** The servers that support it, if not all do. */
  readonly only?: readonly ServerName[]
  /** Relative frequency. */
  readonly weight: number
  /** Duration in ms. */
  readonly lasts: readonly [number, number]
  /** Severity, in a unit that depends on the fault. */
  readonly degree?: readonly [number, number]
}

/** All faults, one per row. */
export const kinds = {
  kill: { about: 'SIGKILL, started again later', hits: 'member', weight: 8, lasts: [200, 3000] },
  freeze: { about: 'SIGSTOP, later SIGCONT: longer than a lease, too', hits: 'member', weight: 6, lasts: [500, 6000] },
  restart: { about: 'SIGTERM, and started again when it has ended', hits: 'member', weight: 3, lasts: [0, 500] },
  flush: { about: 'FLUSHALL', hits: 'server', only: ['redis'], weight: 3, lasts: [0, 0] },
  full: { about: 'no memory left (OOM), no connection left', hits: 'server', only: ['redis', 'postgres'], weight: 3, lasts: [500, 3000] },
  pause: { about: 'frozen: connections stay open, nothing is answered', hits: 'server', weight: 3, lasts: [500, 4000] },
  // a store needs ten seconds to stop; a crash is quick
  bounce: { about: 'stopped, and started again', hits: 'server', only: ['redis', 'postgres'], weight: 2, lasts: [200, 2000] },
  crash: { about: 'SIGKILL, and started again', hits: 'server', weight: 2, lasts: [200, 2000] },
  readonly: {
    about: 'every transaction is read-only, as after a failover',
    hits: 'server',
    only: ['postgres'],
    weight: 2,
    lasts: [500, 5000],
  },
  cut: { about: 'connections reset, new ones refused', hits: 'link', weight: 5, lasts: [100, 3000] },
  hole: { about: 'bytes are held back, and arrive late', hits: 'link', weight: 5, lasts: [500, 5000] },
  mute: { about: 'requests arrive, answers get lost', hits: 'link', weight: 6, lasts: [200, 2000] },
  slow: { about: 'a delay in ms for each packet', hits: 'link', weight: 4, lasts: [1000, 5000], degree: [50, 600] },
  thin: { about: 'so many KiB a second', hits: 'link', only: ['s3'], weight: 3, lasts: [1000, 5000], degree: [20, 400] },
  busy: { about: '503 SlowDown to every request', hits: 'link', only: ['s3'], weight: 3, lasts: [200, 2000] },
} as const satisfies Record<string, Kind>

export type KindName = keyof typeof kinds

/** A fault with its start and end. */
export interface Fault {
  readonly atMs: number
  readonly lastsMs: number
  readonly kind: KindName
  readonly target: Target
  readonly degree: number
}

/** Interval between faults, in ms. */
const apart = [250, 1300] as const

/** Time of the first fault, when work is already in progress, in ms. */
const firstAtMs = 800

const rows = Object.entries(kinds).map(([name, kind]: [string, Kind]) => ({ ...kind, name: name as KindName }))

/**
 * The faults of a run in order of their starts, determined by seed and length. No target has two faults at once.
 */
export function scheduleOf(seed: number, seconds: number): Fault[] {
  const random = randomFrom(seed, 'nemesis')
  const faults: Fault[] = []
  const busyUntil = new Map<string, number>()
  for (let atMs = firstAtMs; atMs < seconds * 1000; atMs += random.between(...apart)) {
    const row = random.weighted(rows)
    const target = targetOf(row, random)
    const lastsMs = random.between(...row.lasts)
    const degree = row.degree === undefined ? 0 : random.between(...row.degree)
    const held = namesOf(target)
    if (held.some((name) => (busyUntil.get(name) ?? 0) > atMs)) continue
    for (const name of held) busyUntil.set(name, atMs + lastsMs + 500)
    faults.push({ atMs, lastsMs, kind: row.name, target, degree })
  }
  return faults
}

function targetOf({ hits, only = servers }: Kind, random: ReturnType<typeof randomFrom>): Target {
  switch (hits) {
    case 'member':
      return { member: random.pick(members) }
    case 'server':
      return { server: random.pick(only) }
    case 'link':
      return { link: random.pick(only), from: random.chance(0.4) ? 'all' : random.pick(members) }
    default:
      throw new Error(`unknown target: ${hits satisfies never}`)
  }
}

/** The targets that a fault occupies. */
function namesOf(target: Target): string[] {
  if ('member' in target) return [target.member]
  if ('server' in target) return [target.server]
  return (target.from === 'all' ? members : [target.from]).map((member) => `${member}→${target.link}`)
}

/** `freeze images-1 for 2.1 s`. */
export function describeFault({ kind, target, lastsMs, degree }: Fault): string {
  const where = 'member' in target ? target.member : 'server' in target ? target.server : `${target.from} → ${target.link}`
  const howBad = degree === 0 ? '' : ` (${degree})`
  return `${kind} ${where}${howBad}${lastsMs === 0 ? '' : ` for ${(lastsMs / 1000).toFixed(1)} s`}`
}
