import { cancelCommands, followCommands, uploadCommands, urlCommands } from '../commands.ts'
import { bytesText, clockText, durationText, factTexts } from '../format.ts'
import { kinds } from '../kinds.ts'
import type { Page } from '../page.ts'
import { provenanceTexts } from '../provenance.ts'
import { hasEnded, phaseText, stepsOf, type UploadItem } from '../upload-item.ts'
import { useValue } from '../value.ts'
import { CommandBlock } from './commands.tsx'
import { Media } from './media.tsx'
import { AgainButton, Interrupted } from './upload-again.tsx'

/** One upload from the first byte to the verdict. */
export function UploadCard({ item, page, onRemoved }: { item: UploadItem; page: Page; onRemoved: () => void }) {
  const { id, name, kind, sizeBytes, phase, asset, reason } = item
  const { uploads, health } = page
  const isGone = useValue(health.state).is === 'gone'
  const remove = () => {
    uploads.remove(id)
    onRemoved() // the button that had the focus is gone
  }
  const canRepeat = phase === 'refused' || phase === 'failed' || phase === 'cancelled'
  return (
    <li class="card" data-phase={phase}>
      <div class="card-media">
        <Media kind={kind} name={name} url={asset?.url ?? null} playable />
      </div>
      <div class="card-body">
        <div class="card-head">
          <div class="card-title">
            <h3>
              <bdi>{name}</bdi>
            </h3>
            <p class="meta">
              {kinds[kind].title} · {bytesText(sizeBytes)}
            </p>
          </div>
          <span class="badge">{phaseText[phase]}</span>
        </div>
        {phase === 'sending' && <Sending item={item} isGone={isGone} />}
        {phase !== 'interrupted' && phase !== 'waiting' && <Timeline item={item} />}
        {phase === 'interrupted' && <Interrupted item={item} uploads={uploads} />}
        {reason !== null && (
          <div class="reason">
            <p>
              <bdi>{reason.detail}</bdi>
            </p>
            <p class="code-name">{reason.code}</p>
          </div>
        )}
        {asset !== null && <Facts item={item} page={page} />}
        <div class="actions">
          {!hasEnded(item) && (
            <button type="button" class="quiet small" onClick={() => uploads.cancel(id)}>
              Cancel<span class="for-reader"> the upload of {name}</span>
            </button>
          )}
          {canRepeat && <AgainButton item={item} uploads={uploads} />}
          {asset !== null && (
            <a class="button quiet small" href={asset.url} target="_blank" rel="noreferrer">
              Open<span class="for-reader"> {name} in a new tab</span>
            </a>
          )}
          {hasEnded(item) && (
            <button type="button" class="quiet small" onClick={remove}>
              Remove from the list<span class="for-reader">: {name}</span>
            </button>
          )}
        </div>
        <CommandBlock title="Do the same with curl or JavaScript" commands={commandsOf(item)} />
      </div>
    </li>
  )
}

function commandsOf({ name, sample, sizeBytes, kind, projectId, brandId, jobId, asset, phase }: UploadItem) {
  const path = sample === null ? name : `examples/samples/${sample.file}`
  return [
    uploadCommands({ path, sizeBytes, kind, projectId, brandId }),
    ...(jobId === null ? [] : [followCommands(jobId)]),
    ...(jobId === null || hasEnded({ phase }) ? [] : [cancelCommands(jobId)]),
    ...(asset === null ? [] : [urlCommands(asset.id)]),
  ]
}

function Sending({ item: { sentBytes, sizeBytes, bytesPerSecond, continuedFrom, name }, isGone }: { item: UploadItem; isGone: boolean }) {
  const left = bytesPerSecond === null || bytesPerSecond === 0 ? null : ((sizeBytes - sentBytes) / bytesPerSecond) * 1000
  const rate = bytesPerSecond === null ? '' : ` · ${bytesText(bytesPerSecond)}/s`
  const rest = left === null || left < 1000 ? '' : ` · ${durationText(left)} left`
  return (
    <div class="sending">
      <progress max={Math.max(1, sizeBytes)} value={sentBytes} aria-label={`Sent bytes of ${name}`} />
      <p class="meta">
        {isGone ? (
          'The gateway does not answer. This upload goes on when it is back.'
        ) : (
          <>
            {bytesText(sentBytes)} of {bytesText(sizeBytes)}
            {rate}
            {rest}
            {continuedFrom !== null && ` · continued after ${bytesText(continuedFrom)}`}
          </>
        )}
      </p>
    </div>
  )
}

function Timeline({ item }: { item: UploadItem }) {
  return (
    <ol class="timeline">
      {stepsOf(item).map(({ title, is, at, afterMs }, i) => (
        <li key={title} data-is={is} aria-current={is === 'now' ? 'step' : undefined}>
          <span class="step-title">{title}</span>
          {at !== undefined && (
            <time class="step-time" dateTime={new Date(at).toISOString()} title={clockText(at)}>
              {i === 0 || afterMs === undefined ? clockText(at) : `+ ${durationText(afterMs)}`}
            </time>
          )}
        </li>
      ))}
    </ol>
  )
}

/** What inspection has found. It comes with the event; the hash comes with the asset. */
function Facts({ item: { asset, jobId }, page: { feed } }: { item: UploadItem; page: Page }) {
  const events = useValue(feed.events)
  const event = events.find(({ type, data }) => type === 'upload.completed' && data.upload_id === jobId)
  const found = event?.type === 'upload.completed' ? event.data : null
  const facts = found === null ? [] : factTexts(found.facts)
  const provenance = provenanceTexts(found?.provenance)
  return (
    <dl class="facts">
      {provenance.facts.map(([name, text]) => (
        <Fact key={name} name={name} text={text} isBad={provenance.isBad} />
      ))}
      {asset?.mediaType && <Fact name="Format" text={asset.mediaType} />}
      {facts.map(([name, text]) => (
        <Fact key={name} name={name} text={text} />
      ))}
      {asset?.hash && <Fact name="SHA-256" text={`${asset.hash.slice(0, 16)}…`} title={asset.hash} />}
    </dl>
  )
}

/** Texts of the file are isolated, so that they do not reorder what is around them. */
const Fact = ({ name, text, title, isBad = false }: { name: string; text: string; title?: string; isBad?: boolean }) => (
  <div data-is={isBad ? 'bad' : undefined}>
    <dt>{name}</dt>
    <dd title={title}>
      <bdi>{text}</bdi>
    </dd>
  </div>
)
