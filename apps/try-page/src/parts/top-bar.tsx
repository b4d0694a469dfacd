import type { Health } from '../health.ts'
import icon from '../icon.svg'
import type { Page } from '../page.ts'
import { useValue } from '../value.ts'

const states = { unknown: 'Connecting …', ok: 'Gateway is up', degraded: 'Partly unavailable', gone: 'Gateway does not answer' } as const

export function TopBar({ page: { health, session } }: { page: Page }) {
  const { is } = useValue(health.state)
  const state = useValue(session.state)
  return (
    <header class="top">
      <div class="top-row">
        <img src={icon} alt="" width="28" height="28" />
        <h1>Try Airlock</h1>
        <p class="health" data-is={is}>
          {states[is]}
        </p>
        {state.step === 'ready' && state.userId !== null && (
          <p class="user" title={`The user ${state.userId}${state.isPasted ? ', of the token that you pasted' : ''}`}>
            user …{state.userId.slice(-8)}
          </p>
        )}
        <a href="/api/docs">API reference</a>
      </div>
    </header>
  )
}

/** What is wrong, above everything else. */
export function Problems({ health, limitedUntil }: { health: Health; limitedUntil: { detail: string; clock: string } | null }) {
  return (
    <div role="status" class="problems">
      {health.is === 'gone' && (
        <p class="banner bad">
          <strong>The gateway does not answer.</strong> Is <code>npm start</code> still running? What you have begun continues when it is
          back.
        </p>
      )}
      {health.is === 'degraded' && (
        <p class="banner warn">
          <strong>{health.missing.join(' and ')} can't be reached.</strong> Accepted files are safe and are inspected later; new ones may
          have to wait.
        </p>
      )}
      {limitedUntil !== null && (
        <p class="banner warn">
          <strong>Limit reached.</strong> {limitedUntil.detail} More files are possible at {limitedUntil.clock}.
        </p>
      )}
    </div>
  )
}
