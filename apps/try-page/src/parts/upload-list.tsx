import { useEffect, useRef } from 'preact/hooks'
import type { Page } from '../page.ts'
import { hasEnded } from '../upload-item.ts'
import { useValue } from '../value.ts'
import { UploadCard } from './upload-card.tsx'

export function UploadList({ page }: { page: Page }) {
  const items = useValue(page.uploads.items)
  const title = useRef<HTMLHeadingElement>(null)
  const newest = items[0]?.id
  const shown = useRef(newest)
  useEffect(() => {
    const isNew = newest !== undefined && newest !== shown.current && items.some(({ phase }) => phase === 'waiting' || phase === 'sending')
    shown.current = newest
    // below the samples on a narrow screen, where nobody would see it
    if (isNew && title.current !== null && isOutside(title.current)) title.current.scrollIntoView()
  }, [newest, items])
  const ended = items.filter(hasEnded).length
  return (
    <section class="panel uploads" aria-labelledby="uploads-title">
      <div class="panel-head">
        <h2 id="uploads-title" ref={title} tabIndex={-1}>
          Your uploads
        </h2>
        {ended > 1 && (
          <button type="button" class="quiet small" onClick={() => page.uploads.removeEnded()}>
            Clear the list
          </button>
        )}
      </div>
      {items.length === 0 ? (
        <div class="empty">
          <p>Nothing uploaded yet.</p>
          <p class="meta">Each file shows here what happens to it: received, inspected, then an asset, or a reason why not.</p>
        </div>
      ) : (
        <ul class="cards">
          {items.map((item) => (
            <UploadCard key={item.id} item={item} page={page} onRemoved={() => title.current?.focus()} />
          ))}
        </ul>
      )}
    </section>
  )
}

function isOutside(element: Element): boolean {
  const { top, bottom } = element.getBoundingClientRect()
  return top < 0 || bottom > innerHeight
}
