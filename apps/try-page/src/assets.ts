import { type Airlock, AirlockError, type PresignedAsset } from '@airlock/client'
import { Value } from './value.ts'

/** Assets that are shown. */
export const shownAssets = 12

export type AssetsState =
  | { readonly is: 'loading' }
  | { readonly is: 'shown'; readonly assets: readonly PresignedAsset[]; readonly more: boolean }
  | { readonly is: 'failed'; readonly detail: string }

/** The newest assets of the user, of this page and of any other program. */
export class Assets {
  readonly state = new Value<AssetsState>({ is: 'loading' })
  readonly #airlock: Pick<Airlock, 'assets'>
  /** URLs are asked for once: each request is recorded as an access. */
  readonly #known = new Map<string, PresignedAsset>()
  #loading: Promise<void> | null = null
  #again = false

  constructor(airlock: Pick<Airlock, 'assets'>) {
    this.#airlock = airlock
  }

  /** Loads the list; calls during a load cause one more. */
  load(): Promise<void> {
    if (this.#loading !== null) {
      this.#again = true
      return this.#loading
    }
    this.#loading = this.#load().finally(() => {
      this.#loading = null
      if (!this.#again) return
      this.#again = false
      void this.load()
    })
    return this.#loading
  }

  /** @throws AirlockError */
  async delete(assetId: string): Promise<void> {
    // another tab or a terminal may have been faster
    await this.#airlock.assets.delete(assetId).catch((error) => {
      if (!(error instanceof AirlockError && error.code === 'asset_not_found')) throw error
    })
    const state = this.state.get()
    if (state.is === 'shown') this.state.set({ ...state, assets: state.assets.filter(({ asset_id }) => asset_id !== assetId) })
    await this.load()
  }

  async #load(): Promise<void> {
    try {
      const { assets, next_cursor } = await this.#airlock.assets.list({ limit: shownAssets })
      const shown = await Promise.all(assets.map(({ asset_id }) => this.#presigned(asset_id)))
      this.state.set({ is: 'shown', assets: shown.filter((asset) => asset !== null), more: next_cursor !== null })
    } catch (error) {
      // what is shown stays while the gateway is gone
      if (this.state.get().is !== 'shown')
        this.state.set({ is: 'failed', detail: error instanceof AirlockError ? error.detail : String(error) })
    }
  }

  /** @returns null if the asset has been deleted meanwhile */
  async #presigned(assetId: string): Promise<PresignedAsset | null> {
    const known = this.#known.get(assetId)
    if (known !== undefined && Date.parse(known.expiration_at) > Date.now() + 60_000) return known
    const asset = await this.#airlock.assets.presign(assetId, { disposition: 'inline' }).catch((error) => {
      if (error instanceof AirlockError && error.code === 'asset_not_found') return null
      throw error
    })
    if (asset !== null) this.#known.set(assetId, asset)
    return asset
  }
}
