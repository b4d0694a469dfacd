import type { AssetType } from '@airlock/client'
import { useState } from 'preact/hooks'

interface MediaProps {
  readonly kind: AssetType
  readonly name: string
  /** A presigned URL, or null if there is none. */
  readonly url: string | null
  /** With controls, not as a still. */
  readonly playable?: boolean
}

/** The picture or video behind a presigned URL, or a symbol of its kind. */
export function Media({ kind, name, url, playable = false }: MediaProps) {
  const [failed, setFailed] = useState<string | null>(null)
  const canShow = url !== null && failed !== url
  const onError = () => setFailed(url)
  if (canShow && kind === 'brand_image') return <img src={url} alt={`Preview of ${name}`} loading="lazy" onError={onError} />
  if (canShow && kind === 'generated_video')
    return (
      <video
        src={playable ? url : `${url}#t=0.1`} // Safari shows no frame without a time
        controls={playable}
        muted
        playsInline
        preload="metadata"
        aria-label={`${playable ? 'Video' : 'First frame of'} ${name}`}
        onError={onError}
      />
    )
  return <KindSymbol kind={kind} />
}

const paths: Readonly<Record<AssetType, string>> = {
  brand_image: 'M5 18.5 9.7 12l3.3 4 2.3-2.7 3.7 5.2zM15.5 10a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3z',
  generated_video: 'M9.5 8.2v7.6l6.5-3.8z',
  lora_training: 'M11 5h2v2h-2zm0 4h2v2h-2zm0 4h2v2h-2zm-1 4h4v3h-4z',
}

function KindSymbol({ kind }: { kind: AssetType }) {
  return (
    <svg class="symbol" viewBox="0 0 24 24" aria-hidden="true">
      <rect x="3.5" y="3.5" width="17" height="17" rx="3" />
      <path d={paths[kind]} />
    </svg>
  )
}
