import type { Launcher } from '../src/isolated/namespaces.ts'

/** What a malicious file could do after it took over its inspector, by name. */
const attacks = {
  /** Uses 0.4 s of CPU time for each file, and then continues as usual. */
  'burns-a-little': () => {
    onMessage('inspect', () => {
      const start = process.cpuUsage()
      const burnt = () => {
        const { user, system } = process.cpuUsage(start)
        return (user + system) / 1e6
      }
      while (burnt() < 0.4);
    })
  },
  /** Uses CPU time and blocks the event loop for ever. */
  'burns-time': () => {
    onMessage('inspect', () => {
      for (;;);
    })
  },
  /** Fills memory and blocks the event loop, up to a bound that protects the test machine. */
  'fills-memory': () => {
    onMessage('inspect', () => {
      const kept: Buffer[] = []
      while (kept.length < 128) kept.push(Buffer.alloc(16 * 1024 * 1024, 1))
      for (;;) kept.at(-1)?.fill(2)
    })
  },
  /** Returns the verdict of a video for every file. */
  lies: () => {
    onMessage('inspect', () => {
      const inspection = { ok: true, mediaType: 'video/mp4', facts: { inspection_version: 5 }, inspectionVersion: 5 }
      process.send?.({ kind: 'verdict', rssBytes: 0, inspection })
    })
  },
  /** Exits as after an unhandled error. */
  exits: () => {
    onMessage('inspect', () => process.exit(7))
  },
  /** A program with a missing file. */
  'does-not-load': () => {
    throw new Error('no such module')
  },
} as const

type Attack = keyof typeof attacks

function onMessage(kind: string, act: () => void): void {
  process.on('message', (message: { kind: string }) => {
    if (message.kind === kind) act()
  })
}

/** The URL of this module which, when preloaded (`node --import`), does it. */
export const preloaded = (attack: Attack): string => `${import.meta.url.split('?')[0]}?${attack}`

/** Starts inspectors that do it. */
export const hostile = (attack: Attack): Launcher => ({
  isolation: 'none',
  command: [process.execPath, '--import', preloaded(attack)],
  inNamespaces: false,
})

const attack = new URL(import.meta.url).search.slice(1)
if (attack in attacks) attacks[attack as Attack]()
