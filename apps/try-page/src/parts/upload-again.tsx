import { useRef, useState } from 'preact/hooks'
import { bytesText, clockText } from '../format.ts'
import type { UploadItem } from '../upload-item.ts'
import type { Uploads } from '../uploads.ts'

interface AgainProps {
  readonly item: UploadItem
  readonly uploads: Uploads
}

/** Explains why an upload stopped at a reload, and continues it. */
export function Interrupted({ item, uploads }: AgainProps) {
  const { sentBytes, sizeBytes } = item
  const sent = sentBytes > 0 ? ` after ${bytesText(sentBytes)} of ${bytesText(sizeBytes)}` : ''
  return (
    <div class="interrupted">
      <p>
        {uploads.needsFile(item)
          ? `The page was reloaded${sent}, and browsers keep no files across a reload. Choose the same file again, and the upload continues with what is missing.`
          : `The page was reloaded${sent}.`}
      </p>
      <AgainButton item={item} uploads={uploads} title="Continue" titleOfChoice="Choose the same file again" />
    </div>
  )
}

/** Repeats an upload; asks for its file if the page no longer has it. */
export function AgainButton({
  item,
  uploads,
  title = 'Try again',
  titleOfChoice = 'Choose it again',
}: AgainProps & { title?: string; titleOfChoice?: string }) {
  const input = useRef<HTMLInputElement>(null)
  const [problem, setProblem] = useState('')
  const { id, name, reason } = item
  const needsFile = uploads.needsFile(item)
  const again = async (file?: File) => {
    try {
      await uploads.again(id, file)
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }
  const retryAt = reason?.retryAt
  return (
    <>
      <button
        type="button"
        class={item.phase === 'interrupted' ? 'primary' : 'quiet small'}
        onClick={() => (needsFile ? input.current?.click() : again())}
      >
        {needsFile ? titleOfChoice : title}
        <span class="for-reader">: {name}</span>
      </button>
      {retryAt !== undefined && <span class="meta">possible again at {clockText(retryAt)}</span>}
      {needsFile && (
        <input
          ref={input}
          type="file"
          hidden
          data-again={name}
          onChange={({ currentTarget }) => {
            const [file] = currentTarget.files ?? []
            currentTarget.value = ''
            if (file !== undefined) void again(file)
          }}
        />
      )}
      {problem !== '' && (
        <p class="problem" role="alert">
          <bdi>{problem}</bdi>
        </p>
      )}
    </>
  )
}
