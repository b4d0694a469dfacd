import { PassThrough } from 'node:stream'
import { type Streams, Terminal } from '../src/terminal.ts'

export interface FakeTerminal {
  readonly terminal: Terminal
  /** What was written so far. */
  readonly stdout: () => string
  readonly stderr: () => string
}

interface Kind {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  readonly env?: Record<string, string>
  readonly stdin?: string
}

/** A terminal whose output a test reads; by default a pipe in its place. */
export function fakeTerminal({ isTTY = false, columns = 80, rows = 24, env = {}, stdin = '' }: Kind = {}): FakeTerminal {
  const stream = () => Object.assign(new PassThrough(), { isTTY, columns, rows })
  const [stdout, stderr] = [stream(), stream()]
  const input = Object.assign(PassThrough.from([stdin]), { isTTY: false })
  const textOf = (output: PassThrough) => {
    let text = ''
    output.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    return () => text
  }
  const read = { stdout: textOf(stdout), stderr: textOf(stderr) }
  return { terminal: new Terminal({ stdin: input, stdout, stderr, env } as unknown as Streams), ...read }
}
