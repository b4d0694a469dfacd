import { useEffect, useRef, useState } from 'preact/hooks'
import type { Session, SessionState } from '../session.ts'

/** Asks for a token, where the gateway gives none. Everything that needs one waits meanwhile. */
export function TokenForm({ session, why }: { session: Session; why: Extract<SessionState, { step: 'asking' }>['why'] }) {
  const [text, setText] = useState('')
  const input = useRef<HTMLTextAreaElement>(null)
  useEffect(() => input.current?.focus(), [])
  return (
    <form
      class="panel token"
      onSubmit={(event) => {
        event.preventDefault()
        if (text.trim() !== '') session.paste(text)
      }}
    >
      <h2>{why === 'refused' ? 'Your token has expired' : 'Paste a token'}</h2>
      <p>
        {why === 'refused'
          ? 'Airlock no longer accepts it. Paste a new one: what you have begun continues.'
          : 'This gateway gives no tokens to this page: it verifies those of another issuer, or the page is not on the same machine. Paste one for your user.'}
      </p>
      <label class="field">
        <span>Token</span>
        <textarea
          ref={input}
          rows={3}
          spellcheck={false}
          autocomplete="off"
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      <p class="meta">
        It stays in this tab. With a local secret, <code>npm run token</code> prints one.
      </p>
      <button type="submit" class="primary">
        Use this token
      </button>
    </form>
  )
}
