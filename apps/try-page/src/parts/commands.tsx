import { useEffect, useRef, useState } from 'preact/hooks'
import type { Commands } from '../commands.ts'

interface CommandsProps {
  /** What the commands do, as in "Commands to delete it". */
  readonly title: string
  readonly commands: readonly Commands[]
  readonly open?: boolean
}

/** The same action from a terminal and from a program. */
export function CommandBlock({ title, commands, open = false }: CommandsProps) {
  return (
    <details class="commands" open={open}>
      <summary>{title}</summary>
      <Code name="Terminal" text={textOf(commands, 'curl', '#')} />
      <Code name="JavaScript" text={textOf(commands, 'js', '//')} />
    </details>
  )
}

const textOf = (commands: readonly Commands[], language: 'curl' | 'js', comment: string): string =>
  commands.map((one) => (commands.length === 1 ? one[language] : `${comment} ${one.about}\n${one[language]}`)).join('\n\n')

const shownMs = 1600

function Code({ name, text }: { name: string; text: string }) {
  const [copied, setCopied] = useState<'yes' | 'no' | null>(null)
  const code = useRef<HTMLElement>(null)
  useEffect(() => {
    if (copied === null) return
    const timer = setTimeout(() => setCopied(null), shownMs)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setCopied('yes')
    } catch {
      // not permitted: the user copies what is selected
      if (code.current !== null) getSelection()?.selectAllChildren(code.current)
      setCopied('no')
    }
  }
  return (
    <div class="code">
      <div class="code-head">
        <span>{name}</span>
        <button type="button" class="quiet small" onClick={copy} aria-label={`Copy the ${name} commands`}>
          {copied === 'yes' ? 'Copied' : copied === 'no' ? 'Press Ctrl-C' : 'Copy'}
        </button>
      </div>
      <pre>
        <code ref={code}>{text}</code>
      </pre>
    </div>
  )
}
