import type { Terminal } from '../terminal.ts'
import { bytesOf, bytesText, count, cut, durationText, fit, someOf } from '../text.ts'
import { verdictLines } from '../verdict.ts'
import type { Problem } from './find-files.ts'
import type { Transfer } from './transfer.ts'

/** Between two drawings on a terminal, and between two lines about the whole elsewhere. */
const drawMs = 100
const tellMs = 30_000

/** After this time without a sent byte, the line of a file says so. */
const silentMs = 10_000

/** Lines of files that are drawn at the same time. */
const mostLines = 16

/** Shows how files are uploaded: the active ones by lines that change, and each that has ended by a line that stays. */
export class Report {
  readonly #terminal: Terminal
  readonly #transfers: readonly Transfer[]
  readonly #asJson: boolean
  readonly #totalBytes: number
  #timer: NodeJS.Timeout | undefined

  constructor(terminal: Terminal, transfers: readonly Transfer[], asJson: boolean) {
    this.#terminal = terminal
    this.#transfers = transfers
    this.#asJson = asJson
    this.#totalBytes = transfers.reduce((sum, { file }) => sum + file.bytes, 0)
  }

  begin(): void {
    const { isLive } = this.#terminal
    this.#timer = setInterval(() => (isLive ? this.#draw() : this.#tell()), isLive ? drawMs : tellMs)
  }

  end(): void {
    clearInterval(this.#timer)
    this.#terminal.endDrawing()
  }

  /** A file that could not even be found or read. */
  problem({ path, code, detail }: Problem): void {
    this.#print({ file: path, status: 'failed', code, detail }, () => verdictLines(this.#terminal, path, { code, detail }))
  }

  /** A file that has ended. */
  ended(transfer: Transfer): void {
    const { file, stage, asset, failure, jobId, wasFinished, provenance } = transfer
    const result = stage === 'accepted' ? `accepted as job ${jobId}` : `${asset?.key}${wasFinished ? ' (by an earlier run)' : ''}`
    // files that were not sent are counted in the summary
    const lines = () => (stage === 'unsent' ? [] : verdictLines(this.#terminal, file.path, failure ?? { result, provenance }))
    this.#print(lineFor(transfer), lines)
  }

  #print(json: object, lines: () => string[]): void {
    for (const line of this.#asJson ? [JSON.stringify(json)] : lines()) this.#terminal.out(line)
  }

  #draw(): void {
    const now = performance.now()
    const active = this.#transfers.filter(({ isActive }) => isActive)
    const room = Math.max(1, Math.min(mostLines, this.#terminal.rows - 3))
    const lines = active.slice(0, room).map((transfer) => this.#lineOf(transfer, now))
    if (this.#transfers.length > 1) lines.push(this.#terminal.paint('dim', cut(`  ${this.#total(now)}`, this.#terminal.columns - 1)))
    if (active.length > 0) this.#terminal.draw(lines)
  }

  /** A line that fits the terminal less one column, which some terminals need. Narrow terminals get less of it. */
  #lineOf(transfer: Transfer, now: number): string {
    const width = this.#terminal.columns - 1
    const isWide = width >= 70
    const { file, sentBytes, stage, changedAt } = transfer
    const barWidth = width >= 100 ? 24 : 12
    const nameWidth = Math.min(40, width - barWidth - (isWide ? 45 : 17))
    const name = fit(file.path.split(/[\\/]/).at(-1) ?? file.path, nameWidth)
    if (stage === 'inspecting') return cut(`  ${name}  inspecting, ${durationText(now - changedAt)}`, width)

    const share = file.bytes === 0 ? 1 : sentBytes / file.bytes
    const filled = Math.round(share * barWidth)
    const bar = this.#terminal.paint('cyan', '━'.repeat(filled)) + this.#terminal.paint('dim', '─'.repeat(barWidth - filled))
    const head = `  ${name}  ${bar} ${`${Math.floor(share * 100)}%`.padStart(4)} `
    const silence = now - changedAt
    const rate = transfer.rate(now)
    const left = (rate === null ? '' : durationText(((file.bytes - sentBytes) / rate) * 1000)).padStart(7)
    if (!isWide) return (head + left).trimEnd()
    const speed = (rate === null ? '' : `${bytesText(rate)}/s`).padStart(10)
    const pace = sentBytes === file.bytes ? 'finishing' : `${speed}  ${left}`
    const state = silence > silentMs ? `no answer, ${durationText(silence)}` : pace
    return `${head}${bytesOf(sentBytes, file.bytes).padStart(14)}  ${state}`.trimEnd()
  }

  /** For logs: how far the whole is. */
  #tell(): void {
    this.#terminal.err(this.#total(performance.now()))
  }

  #total(now: number): string {
    const ended = this.#transfers.filter(({ isActive, stage }) => !isActive && stage !== 'waiting').length
    const failed = this.#transfers.filter(({ stage }) => stage === 'failed').length
    const sent = this.#transfers.reduce(
      (sum, { sentBytes, stage, file }) => sum + (stage === 'completed' || stage === 'failed' ? file.bytes : sentBytes),
      0,
    )
    const rate = this.#transfers.reduce((sum, transfer) => sum + (transfer.rate(now) ?? 0), 0)
    return [
      `${ended} of ${count(this.#transfers.length, 'file')}${failed > 0 ? `, ${failed} failed` : ''}`,
      bytesOf(sent, this.#totalBytes),
      ...(rate > 0 && sent < this.#totalBytes
        ? [`${bytesText(rate)}/s`, `${durationText(((this.#totalBytes - sent) / rate) * 1000)} left`]
        : []),
    ].join(' · ')
  }
}

/** The line about a file for programs. */
function lineFor({ file, assetType, stage, asset, provenance, jobId, failure, mayPass, wasFinished }: Transfer): object {
  const status = stage === 'unsent' ? 'not_sent' : stage
  return {
    ...{ file: file.path, status, asset_type: assetType, size_bytes: file.bytes },
    ...(asset && { asset_id: asset.assetId, key: asset.key, provenance: provenance ?? null }),
    ...(wasFinished && { earlier_run: true }),
    ...(jobId !== undefined && { job_id: jobId }),
    ...(failure && { code: failure.code, detail: failure.detail, may_pass: mayPass }),
  }
}

/** What has become of all files, in one sentence. */
export function summary(transfers: readonly Transfer[], problems: number, wait: boolean): string {
  const number = (is: (transfer: Transfer) => boolean) => transfers.filter(is).length
  const were = (n: number, what: string) => (n === 0 ? [] : [`${n} ${n === 1 ? 'was' : 'were'} ${what}`])
  const [is, are, isNot] = wait ? ['is an asset', 'are assets', 'is not an asset'] : ['was accepted', 'were accepted', 'was not accepted']
  const total = transfers.length + problems
  const good = number(({ stage }) => stage === 'completed' || stage === 'accepted')
  const failed = number(({ stage, mayPass }) => stage === 'failed' && mayPass)
  const active = number(({ isActive }) => isActive)
  const unsent = number(({ stage }) => stage === 'unsent' || stage === 'waiting')
  if (total === 1) return `The file ${good === 1 ? is : isNot}${failed + active + unsent > 0 ? ' yet' : ''}.`
  const parts = [
    `${good} of ${total} files ${good === 1 ? is : are}`,
    ...were(
      number(({ stage, mayPass }) => stage === 'failed' && !mayPass),
      'refused',
    ),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...were(problems, 'not found or not readable'),
    ...were(active, 'interrupted'),
    ...were(unsent, 'not sent'),
  ]
  return `${parts.join(', ')}.`
}

/** What is said about files that were left out. */
export const skippedText = (skipped: readonly string[]): string =>
  `Skipped ${count(skipped.length, 'file')} of other kinds: ${someOf(skipped)}.`
