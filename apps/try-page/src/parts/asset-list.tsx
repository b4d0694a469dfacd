import { AirlockError, type PresignedAsset } from '@airlock/client'
import { useEffect, useRef, useState } from 'preact/hooks'
import { shownAssets } from '../assets.ts'
import { deleteCommands, listCommands } from '../commands.ts'
import { bytesText, momentText } from '../format.ts'
import { assetTypes } from '../kinds.ts'
import type { Page } from '../page.ts'
import { useValue } from '../value.ts'
import { CommandBlock } from './commands.tsx'
import { Media } from './media.tsx'

/** The newest assets, and their deletion. */
export function AssetList({ page: { assets, announcement } }: { page: Page }) {
  const state = useValue(assets.state)
  const [toDelete, setToDelete] = useState<PresignedAsset | null>(null)
  const title = useRef<HTMLHeadingElement>(null)
  useEffect(() => void assets.load(), [assets])
  const close = () => {
    setToDelete(null)
    title.current?.focus() // the button that had it may be gone
  }
  const confirmed = async (asset: PresignedAsset) => {
    await assets.delete(asset.asset_id)
    announcement.set(`${asset.original_filename} is deleted.`)
  }
  return (
    <section class="panel assets" aria-labelledby="assets-title">
      <h2 id="assets-title" ref={title} tabIndex={-1}>
        Recent assets
      </h2>
      {state.is === 'loading' && <p class="empty meta">Loading …</p>}
      {state.is === 'failed' && (
        <div class="empty">
          <p>The assets could not be loaded.</p>
          <p class="meta">{state.detail}</p>
          <button type="button" class="quiet" onClick={() => assets.load()}>
            Try again
          </button>
        </div>
      )}
      {state.is === 'shown' && state.assets.length === 0 && (
        <div class="empty">
          <p>No assets yet.</p>
          <p class="meta">A file that passes inspection appears here.</p>
        </div>
      )}
      {state.is === 'shown' && state.assets.length > 0 && (
        <>
          <ul class="gallery">
            {state.assets.map((asset) => (
              <AssetTile key={asset.asset_id} asset={asset} onDelete={() => setToDelete(asset)} />
            ))}
          </ul>
          {state.more && <p class="meta">The newest {shownAssets}; there are more.</p>}
        </>
      )}
      <CommandBlock title="List assets with curl or JavaScript" commands={[listCommands(shownAssets)]} />
      {toDelete !== null && <DeleteDialog asset={toDelete} onCancel={close} onConfirm={() => confirmed(toDelete)} />}
    </section>
  )
}

function AssetTile({ asset, onDelete }: { asset: PresignedAsset; onDelete: () => void }) {
  const { original_filename, asset_type, size_bytes, presigned_url, created_at } = asset
  const name = original_filename ?? 'unnamed'
  return (
    <li class="tile">
      <a href={presigned_url} target="_blank" rel="noreferrer" aria-label={`Open ${name} in a new tab`}>
        <Media kind={assetTypes.find((kind) => kind === asset_type) ?? 'brand_image'} name={name} url={presigned_url} />
      </a>
      <div class="tile-text">
        <p class="tile-name" title={name}>
          <bdi>{name}</bdi>
        </p>
        <p class="meta">
          {bytesText(size_bytes ?? 0)} · <time dateTime={created_at}>{momentText(created_at)}</time>
        </p>
      </div>
      <button type="button" class="quiet small" onClick={onDelete}>
        Delete<span class="for-reader"> {name}</span>
      </button>
    </li>
  )
}

interface DeleteDialogProps {
  readonly asset: PresignedAsset
  readonly onCancel: () => void
  readonly onConfirm: () => Promise<void>
}

function DeleteDialog({ asset, onCancel, onConfirm }: DeleteDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [problem, setProblem] = useState('')
  const [isBusy, setBusy] = useState(false)
  useEffect(() => dialog.current?.showModal(), [])
  const confirm = async () => {
    setBusy(true)
    try {
      await onConfirm()
      dialog.current?.close()
    } catch (error) {
      setBusy(false)
      setProblem(error instanceof AirlockError ? error.detail : String(error))
    }
  }
  return (
    <dialog ref={dialog} aria-labelledby="delete-title" onClose={onCancel}>
      <h2 id="delete-title">Delete this asset?</h2>
      <p>
        <bdi>{asset.original_filename}</bdi> is removed from the bucket, and its URLs stop working. This can't be undone.
      </p>
      {problem !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div class="actions">
        <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
          Keep it
        </button>
        <button type="button" class="danger" disabled={isBusy} onClick={confirm}>
          {isBusy ? 'Deleting …' : 'Delete'}
        </button>
      </div>
      <CommandBlock title="Delete it with curl or JavaScript" commands={[deleteCommands(asset.asset_id)]} />
    </dialog>
  )
}
