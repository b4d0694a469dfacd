import { expect, test, vi } from 'vitest'
import { widthOf } from '../../src/text.ts'
import { Report, summary } from '../../src/upload/report.ts'
import { Transfer } from '../../src/upload/transfer.ts'
import { fakeTerminal } from '../fake-terminal.ts'

const MiB = 2 ** 20

function transferOf(path: string, bytes = 100 * MiB): Transfer {
  return new Transfer({ path, realPath: path, bytes, modifiedMs: 1 }, 'generated_video')
}

const sending = (sentBytes: number) => ({ stage: 'sending', sentBytes, totalBytes: 100 * MiB }) as const
const processing = { stage: 'processing', sentBytes: 100 * MiB, totalBytes: 100 * MiB, jobId: 'j-1' } as const

/** What a report draws of these transfers, without escape sequences. */
function drawn(transfers: readonly Transfer[], columns = 80, rows = 24, env: Record<string, string> = { NO_COLOR: '1' }) {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  vi.spyOn(performance, 'now').mockReturnValue(5000)
  try {
    const { terminal, stderr } = fakeTerminal({ isTTY: true, columns, rows, env })
    const report = new Report(terminal, transfers, false)
    report.begin()
    vi.advanceTimersByTime(150)
    const output = stderr()
    report.end()
    return output
  } finally {
    vi.useRealTimers()
    vi.restoreAllMocks()
  }
}
const escapes = new RegExp(`${'\u001b'}\\[[?\\d;]*[a-zA-Z]`, 'g')
const linesOf = (output: string) =>
  output
    .replace(escapes, '')
    .split('\n')
    .filter((line) => line !== '')

function halfSent(path: string): Transfer {
  const transfer = transferOf(path)
  transfer.begin(0)
  transfer.progress(sending(0), 0)
  transfer.progress(sending(50 * MiB), 5000)
  return transfer
}

test('a line shows the bar, the bytes, the rate and the time left, then that the file is inspected', () => {
  const transfer = halfSent('cuts/Final cut v2.mp4')
  expect(transfer.rate(5000)).toBe(10 * MiB)
  const [line = ''] = linesOf(drawn([transfer]))
  expect(line).toMatch(/^ {2}Final cut v2\.mp4 +━{6}─{6} +50% +50 of 100 MiB +10 MiB\/s +5 s$/)
  transfer.progress(processing, 6000)
  expect(transfer.jobId).toBe('j-1')
  expect(linesOf(drawn([transfer]))[0]).toMatch(/^ {2}Final cut v2\.mp4 +inspecting, /)
})

const signed = {
  present: true,
  state: 'valid',
  content: 'bound',
  generator: `${'Example Maker '.repeat(14)}\u001b[2J`,
  digital_source_type: 'trainedAlgorithmicMedia',
  ai_generated: true,
  signer: 'Airlock test',
  signed_at: null,
} as const

test('what a file states about its making is on a second line, which fits the terminal', () => {
  const end = (isTTY: boolean, columns = 80) => {
    const { terminal, stdout } = fakeTerminal({ isTTY, columns, env: { NO_COLOR: '1' } })
    const transfer = halfSent('signed.png')
    Object.assign(transfer, { stage: 'completed', asset: { assetId: 'a-1', key: 'brand-images/signed.png' }, provenance: signed })
    new Report(terminal, [transfer], false).ended(transfer)
    return linesOf(stdout())
  }
  const statement = '  AI-generated: yes (valid, signed by Airlock test) · Example Maker '
  expect(end(false)).toEqual([expect.stringContaining('signed.png'), expect.stringContaining(statement)])
  for (const columns of [40, 80]) {
    const [, line = ''] = end(true, columns)
    expect(widthOf(line)).toBeLessThan(columns)
    expect(line.startsWith(statement.slice(0, 30))).toBe(true)
  }
  expect(end(false).join()).not.toContain('\u001b')
})

test('while the store confirms the last bytes, no time is left to show', () => {
  const transfers = ['a.mp4', 'b.mp4'].map(halfSent)
  for (const transfer of transfers) transfer.progress(sending(100 * MiB), 5000)
  const lines = linesOf(drawn(transfers))
  expect(lines[0]).toMatch(/100 of 100 MiB +finishing$/)
  expect(lines[2]).toBe('  0 of 2 files · 200 of 200 MiB')
})

test.for([40, 60, 72, 80, 100, 200])('at %i columns every line fits, whatever the names are', (columns) => {
  const names = [
    'a.mp4',
    `${'long '.repeat(40)}.mp4`,
    `${'港湾の夕暮れ'.repeat(10)}.mp4`,
    '\u001b[2J\u001b]0;title\u0007evil\r\n.mp4',
    '👩‍👩‍👧'.repeat(30),
  ]
  const output = drawn(names.map(halfSent), columns)
  const lines = linesOf(output)
  expect(lines).toHaveLength(names.length + 1)
  for (const line of lines) expect(widthOf(line), line).toBeLessThan(columns)
  expect(output).not.toContain('\u001b[2J')
  expect(output).not.toContain('\u001b]0')
})

test('of 500 files only the active ones are drawn, no more than the terminal has rows', () => {
  const transfers = Array.from({ length: 500 }, (_, i) => (i < 20 ? halfSent(`${i}.mp4`) : transferOf(`${i}.mp4`)))
  expect(linesOf(drawn(transfers))).toHaveLength(17)
  const lines = linesOf(drawn(transfers, 80, 8))
  expect(lines).toHaveLength(6)
  expect(lines.at(-1)).toMatch(/^ {2}0 of 500 files · 1\.0 of 49 GiB · 200 MiB\/s · \d+:\d\d left$/)
})

test('colours are used on a terminal only, and not with NO_COLOR', () => {
  expect(drawn([halfSent('a.mp4')], 80, 24, {})).toContain('\u001b[36m')
  expect(drawn([halfSent('a.mp4')])).not.toContain('\u001b[36m')
  const { terminal, stdout } = fakeTerminal()
  new Report(terminal, [], false).problem({ path: 'a\u001b[1m.png', code: 'no_files', detail: 'It does not exist.' })
  expect(stdout()).toBe('✗ a\ufffd[1m.png  no_files: It does not exist.\n')
})

test('the rate of a continued file leaves out what an earlier run has sent', () => {
  const transfer = transferOf('a.mp4')
  transfer.begin(0)
  transfer.progress(sending(0), 0, true)
  transfer.progress(sending(80 * MiB), 100, true)
  transfer.progress(sending(90 * MiB), 1100, true)
  expect(transfer.resumedBytes).toBe(80 * MiB)
  expect(transfer.rate(1100)).toBe(10 * MiB)
})

test('the summary says what has become of each file', () => {
  const withStage = (stage: Transfer['stage'], mayPass = false) => Object.assign(transferOf('a.mp4'), { stage, mayPass })
  const done = withStage('completed')
  expect(summary([done, done, done, withStage('failed')], 0, true)).toBe('3 of 4 files are assets, 1 was refused.')
  expect(summary([done, withStage('failed', true), withStage('sending'), withStage('waiting'), withStage('unsent')], 1, true)).toBe(
    '1 of 6 files is an asset, 1 failed, 1 was not found or not readable, 1 was interrupted, 2 were not sent.',
  )
  expect(summary([done], 0, true)).toBe('The file is an asset.')
  expect(summary([withStage('failed')], 0, true)).toBe('The file is not an asset.')
  expect(summary([withStage('sending')], 0, true)).toBe('The file is not an asset yet.')
  expect(summary([withStage('accepted'), withStage('accepted')], 0, false)).toBe('2 of 2 files were accepted.')
})
