import type {
  AssetList,
  Event,
  EventPage,
  Job,
  JobList,
  ListAssetsQuery,
  ListJobsQuery,
  PresignAssetQuery,
  PresignedAsset,
  ProductImages,
} from './api.ts'
import { aborted } from './error.ts'
import { Follower } from './follower.ts'
import { Http, type RetryOptions, type Send, type Token } from './http.ts'
import type { Platform } from './platform.ts'
import { upload } from './upload.ts'
import type { UploadOptions } from './upload-options.ts'
import { webhooks } from './webhooks.ts'

export interface AirlockOptions {
  /** The address of Airlock, for example `https://airlock.example.com`. */
  readonly baseUrl: string
  /** A token, or a function that returns one; it is called for each request, and again if Airlock refuses the token. */
  readonly token: Token
  /** In place of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly retry?: RetryOptions | undefined
  /**
   * In Node: a file that keeps unfinished uploads of large files, so that calling `upload` again after a restart continues them. It holds secrets that permit
   * nothing but these uploads. Browsers keep them in IndexedDB.
   */
  readonly resumeFile?: string | undefined
}

interface Abortable {
  readonly signal?: AbortSignal | undefined
}

/** `asset_type` as `assetType`. */
type Camel<Name> = Name extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : Name
type Options<Query> = { readonly [Name in keyof Query as Camel<Name>]?: Query[Name] | undefined } & Abortable

export interface ConsumeOptions extends Abortable {
  /** Only these types of events. */
  readonly types?: readonly Event['type'][] | undefined
  /** The largest number of events in a page, up to 1000; 100 by default. */
  readonly limit?: number | undefined
}

/** How long a request for events waits for one, in s. */
const eventWaitSeconds = 25

/** A client of Airlock. One is enough for a program: all its uploads share one stream of events. */
export class AirlockClient {
  readonly #http: Http
  readonly #follower: Follower
  readonly #platform: Platform
  readonly #running = new Set<string>()

  constructor({ baseUrl, token, fetch, retry }: AirlockOptions, platform: Platform) {
    const byFetch: Send = (url, { onSent: _, ...request }) => (fetch ?? globalThis.fetch)(url, request)
    const send = fetch === undefined ? (platform.send ?? byFetch) : byFetch
    this.#http = new Http(baseUrl, token, send, retry)
    this.#follower = new Follower(this.#http)
    this.#platform = platform
  }

  /**
   * Uploads one file.
   *
   * @param file a `File`, a `Blob` with the option `filename`, or in Node a path
   * @returns the asset, with a URL to read it. It never returns for a file that has not become an asset
   * @throws AirlockError with the reason
   */
  upload(file: Blob | string, options: UploadOptions): Promise<PresignedAsset> {
    return upload(file, options, { http: this.#http, follower: this.#follower, platform: this.#platform, running: this.#running })
  }

  readonly jobs = {
    get: (id: string, { signal }: Abortable = {}): Promise<Job> => this.#get(`/api/jobs/${encodeURIComponent(id)}`, { signal }),

    /** A page of the caller's jobs, newest first, or those with the given `ids`. */
    list: ({ signal, ...query }: Options<ListJobsQuery> = {}): Promise<JobList> => this.#get('/api/jobs', { signal, query }),

    /**
     * The jobs each time they change, beginning with their present state, until all have ended.
     *
     * @throws AirlockError if one of them does not exist, or Airlock is unavailable for too long
     */
    follow: (ids: string | readonly string[], { signal }: Abortable = {}): AsyncGenerator<Job, void, undefined> =>
      this.#follower.follow([ids].flat(), signal),

    /** Cancels an upload that has not ended. @throws AirlockError `already_completed` */
    cancel: async (id: string, { signal }: Abortable = {}): Promise<Job> =>
      (await this.#http.json<Job>(`/api/jobs/${encodeURIComponent(id)}`, { method: 'DELETE', signal })).body,
  }

  readonly assets = {
    /** A page of the caller's assets, newest first. */
    list: ({ signal, ...query }: Options<ListAssetsQuery> = {}): Promise<AssetList> => this.#get('/api/assets', { signal, query }),

    /** An asset with a URL to read it. */
    presign: (id: string, { signal, ...query }: Options<PresignAssetQuery> = {}): Promise<PresignedAsset> =>
      this.#get(`/api/assets/${encodeURIComponent(id)}/presigned`, { signal, query }),

    /** @param options.force removes it from the brands that show it first */
    delete: async (id: string, { signal, ...query }: { readonly force?: boolean | undefined } & Abortable = {}): Promise<void> => {
      await this.#http.json(`/api/assets/${encodeURIComponent(id)}${queryOf(query)}`, { method: 'DELETE', signal })
    },
  }

  readonly brands = {
    /** The pictures of a brand, with URLs to read them. */
    productImages: (brandId: string, { signal }: Abortable = {}): Promise<ProductImages> =>
      this.#get(`/api/brands/${encodeURIComponent(brandId)}/product-images`, { signal }),

    /** Replaces the pictures of a brand by 2 to 10 assets. */
    setProductImages: async (brandId: string, assetIds: readonly string[], { signal }: Abortable = {}): Promise<ProductImages> => {
      const call = { method: 'PUT', json: { asset_ids: assetIds }, signal }
      return (await this.#http.json<ProductImages>(`/api/brands/${encodeURIComponent(brandId)}/product-images`, call)).body
    },
  }

  readonly events = {
    /**
     * The pages of the event feed after a cursor, without end. Process the events of a page, then store its `next`: a consumer that dies in between gets them
     * again. Requires a token with the scope `service`.
     *
     * @param cursor `next` of the last processed page; `latest`: only new events; undefined: from the oldest event that is kept
     * @throws AirlockError `cursor_gone` when events after the cursor are no longer kept
     */
    consume: (cursor?: string, options: ConsumeOptions = {}): AsyncGenerator<EventPage, never, undefined> => this.#consume(cursor, options),
  }

  readonly webhooks = webhooks

  async *#consume(cursor: string | undefined, { signal, types, limit }: ConsumeOptions): AsyncGenerator<EventPage, never, undefined> {
    for (let after = cursor; ; ) {
      if (signal?.aborted) throw aborted(signal)
      const page = await this.#get<EventPage>('/api/events', { signal, query: { after, types, limit, wait: eventWaitSeconds } })
      if (page.events.length > 0 || page.next !== after) yield page
      after = page.next
    }
  }

  async #get<T>(path: string, { signal, query = {} }: { signal: AbortSignal | undefined; query?: object }): Promise<T> {
    return (await this.#http.json<T>(path + queryOf(query), { signal, timeoutMs: 60_000 })).body
  }
}

/** The options of a call as the query of its request, in snake_case; lists with commas. */
function queryOf(options: object): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const snake = given.map(([name, value]): [string, string] => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    String(value),
  ])
  return snake.length === 0 ? '' : `?${new URLSearchParams(snake)}`
}
