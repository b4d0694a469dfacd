import type { Event } from '@airlock/client'
import { eventCommands } from '../commands.ts'
import { clockText } from '../format.ts'
import type { Page } from '../page.ts'
import { useValue } from '../value.ts'
import { CommandBlock } from './commands.tsx'

/** The events of the user as they arrive. */
export function EventList({ page: { feed, session } }: { page: Page }) {
  const events = useValue(feed.events)
  useValue(session.state)
  return (
    <section class="panel events" aria-labelledby="events-title">
      <h2 id="events-title">Events</h2>
      {events.length === 0 ? (
        <div class="empty">
          <p>No events yet.</p>
          <p class="meta">They arrive when an upload is completed or rejected, and when an asset is deleted.</p>
        </div>
      ) : (
        <ol class="event-lines" aria-label="Events, newest first">
          {events.map((event) => (
            <li key={event.data.event_id}>
              <EventLine event={event} />
            </li>
          ))}
        </ol>
      )}
      <CommandBlock title="Read events with curl or JavaScript, as a service" commands={[eventCommands(session.userId)]} />
    </section>
  )
}

function EventLine({ event }: { event: Event }) {
  const { type, timestamp, data } = event
  const isBad = type === 'upload.rejected' || type === 'upload.parked'
  return (
    <details class="event" data-bad={isBad}>
      <summary>
        <time dateTime={timestamp}>{clockText(timestamp)}</time>
        <span class="event-type">{type}</span>
        <span class="event-name">
          <bdi>{data.filename}</bdi>
        </span>
      </summary>
      <pre>
        <code>{JSON.stringify(event, null, 2)}</code>
      </pre>
    </details>
  )
}
