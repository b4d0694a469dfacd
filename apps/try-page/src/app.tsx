import { useEffect, useState } from 'preact/hooks'
import { clockText } from './format.ts'
import type { Page } from './page.ts'
import { AssetList } from './parts/asset-list.tsx'
import { ChooseFiles } from './parts/choose-files.tsx'
import { EventList } from './parts/event-list.tsx'
import { TokenForm } from './parts/token-form.tsx'
import { Problems, TopBar } from './parts/top-bar.tsx'
import { UploadList } from './parts/upload-list.tsx'
import type { UploadItem } from './upload-item.ts'
import { useValue } from './value.ts'

/** Refusals of files that pass with time. */
const limits = ['file_limit_reached', 'open_uploads_limit_reached', 'too_many_requests']

export function App({ page }: { page: Page }) {
  const session = useValue(page.session.state)
  const health = useValue(page.health.state)
  const announcement = useValue(page.announcement)
  const limited = useLimit(useValue(page.uploads.items))
  return (
    <>
      <TopBar page={page} />
      <main>
        <p class="lead">
          Send a file and watch what Airlock does with it: it is kept in quarantine until inspection has verified its bytes, and only then
          becomes an asset with a URL.
        </p>
        <Problems health={health} limitedUntil={limited} />
        {session.step === 'asking' && <TokenForm session={page.session} why={session.why} />}
        <div class="columns">
          <ChooseFiles page={page} />
          <UploadList page={page} />
          <div class="side">
            <AssetList page={page} />
            <EventList page={page} />
          </div>
        </div>
      </main>
      <p class="for-reader" role="status">
        {announcement}
      </p>
    </>
  )
}

/** The limit that the last uploads have reached, until it has passed. */
function useLimit(items: readonly UploadItem[]): { detail: string; clock: string } | null {
  const [now, setNow] = useState(Date.now())
  const reasons = items.flatMap(({ reason }) => (reason !== null && limits.includes(reason.code) ? [reason] : []))
  const last = reasons.find(({ retryAt = 0 }) => retryAt > now)
  const retryAt = last?.retryAt
  useEffect(() => {
    setNow(Date.now())
    if (retryAt === undefined) return
    const timer = setTimeout(() => setNow(Date.now()), Math.min(retryAt - Date.now() + 100, 2 ** 31 - 1))
    return () => clearTimeout(timer)
  }, [retryAt])
  return last === undefined ? null : { detail: last.detail, clock: clockText(retryAt ?? now) }
}
