import type { AssetType } from '@airlock/client'
import { useEffect, useRef, useState } from 'preact/hooks'
import { setup } from '../commands.ts'
import { assetTypes, type Choice, kinds } from '../kinds.ts'
import type { Page } from '../page.ts'
import { useValue } from '../value.ts'
import { CommandBlock } from './commands.tsx'
import { SampleFiles } from './sample-files.tsx'

/** Where files are dropped or chosen, and what is to become of them. */
export function ChooseFiles({ page }: { page: Page }) {
  const { uploads, choice } = page
  const current = useValue(choice)
  useValue(page.session.state)
  const input = useRef<HTMLInputElement>(null)
  const add = (files: Iterable<File>) =>
    uploads.add(
      [...files].map((file) => ({ file })),
      choice.get(),
    )
  const isOver = useDrop(add)
  return (
    <section class="panel choose" aria-labelledby="choose-title">
      <h2 id="choose-title">Upload</h2>
      <div class={isOver ? 'drop over' : 'drop'}>
        <svg class="drop-symbol" viewBox="0 0 48 48" aria-hidden="true">
          <path d="M13 36V21a11 11 0 0 1 22 0v15" />
          <path d="M24 18v15m-5.5-5.5L24 33l5.5-5.5" />
        </svg>
        <p class="drop-text">{isOver ? 'Let go to upload' : 'Drop files here'}</p>
        <button type="button" class="primary" onClick={() => input.current?.click()}>
          Choose files
        </button>
        <p class="hint">JPEG, PNG and WebP up to 10 MiB, MP4 up to 500 MiB, ZIP with pictures up to 2 GiB</p>
        <input
          ref={input}
          type="file"
          id="files"
          multiple
          hidden
          onChange={({ currentTarget }) => {
            add(currentTarget.files ?? [])
            currentTarget.value = '' // the same file may be chosen again
          }}
        />
      </div>
      <KindChoice choice={current} onChoose={(kind) => choice.set({ ...current, kind })} />
      <Ids choice={current} onChange={(change) => choice.set({ ...choice.get(), ...change })} />
      <SampleFiles page={page} />
      <CommandBlock title="Prepare a terminal or a program" commands={[setup(page.baseUrl, page.session.userId)]} />
    </section>
  )
}

/**
 * Takes files that are dropped anywhere on the page: beside the marked area, a browser would show the file in place of the page.
 *
 * @returns whether files are held over the page
 */
function useDrop(add: (files: File[]) => void): boolean {
  const [isOver, setOver] = useState(false)
  const latest = useRef(add)
  latest.current = add
  useEffect(() => {
    let depth = 0 // enter and leave come for each element on the way
    const move = (change: number) => (event: DragEvent) => {
      event.preventDefault()
      depth = Math.max(0, depth + change)
      setOver(depth > 0)
    }
    const drop = (event: DragEvent) => {
      move(-depth)(event)
      latest.current(filesIn(event.dataTransfer))
    }
    const listeners = { dragenter: move(1), dragleave: move(-1), dragover: (event: DragEvent) => event.preventDefault(), drop } as const
    const each = Object.entries(listeners) as [keyof typeof listeners, (event: DragEvent) => void][]
    for (const [name, listener] of each) addEventListener(name, listener)
    return () => {
      for (const [name, listener] of each) removeEventListener(name, listener)
    }
  }, [])
  return isOver
}

/** Files only: folders and dropped texts are left out. */
function filesIn(data: DataTransfer | null): File[] {
  const items = [...(data?.items ?? [])].filter((item) => item.kind === 'file' && item.webkitGetAsEntry?.()?.isDirectory !== true)
  return items.flatMap((item) => item.getAsFile() ?? [])
}

function KindChoice({ choice, onChoose }: { choice: Choice; onChoose: (kind: Choice['kind']) => void }) {
  const options: [kind: AssetType | 'auto', title: string][] = [
    ['auto', 'By name'],
    ...assetTypes.map((kind) => [kind, kinds[kind].title] as const),
  ].map(([kind, title]) => [kind as AssetType | 'auto', title as string])
  return (
    <fieldset class="kinds">
      <legend>Kind of file</legend>
      <div class="segments">
        {options.map(([kind, title]) => (
          <label key={kind}>
            <input type="radio" name="kind" value={kind} checked={choice.kind === kind} onChange={() => onChoose(kind)} />
            <span>{title}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}

const uuid = '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'

/** A video belongs to a project, a training set to a brand. The ids of the examples serve as well as others. */
function Ids({ choice, onChange }: { choice: Choice; onChange: (change: Partial<Choice>) => void }) {
  const field = (name: 'projectId' | 'brandId', title: string) => (
    <label class="field">
      <span>{title}</span>
      <input
        type="text"
        value={choice[name]}
        pattern={uuid}
        spellcheck={false}
        autocomplete="off"
        onInput={({ currentTarget }) => onChange({ [name]: currentTarget.value.trim() })}
      />
    </label>
  )
  return (
    <details class="ids">
      <summary>Project and brand</summary>
      <div class="fields">
        {field('projectId', 'Project of videos')}
        {field('brandId', 'Brand of training sets')}
      </div>
    </details>
  )
}
