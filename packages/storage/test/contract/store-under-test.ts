import { MiB } from '@airlock/domain'
import { type Leftover, type ObjectStore, type S3StoreOptions, s3ObjectStore } from '@airlock/storage'
import { type IsolatedBucket, isolatedBucket } from '@airlock/testkit'
import { S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll } from 'vitest'

type Address = Parameters<typeof isolatedBucket>[0]

export interface StoreUnderTest {
  readonly name: string
  /** The address of the store; undefined for the store of this run. */
  address(): Promise<Address>
}

export interface Bench {
  /** The store, constructed as in the apps. */
  readonly store: ObjectStore
  /** A bucket that only this file uses. */
  readonly bucket: IsolatedBucket
  /** Direct access to the same bucket, without Airlock's store. */
  readonly raw: S3Client
  /** Errors of the cleanup so far. */
  readonly leftovers: Leftover[]
  /** Another store on the same bucket. */
  storeWith(options: Partial<S3StoreOptions>): ObjectStore
  options(): S3StoreOptions
}

/** Settings of a store on a separate bucket. Parts are small, so that a few MiB need many. */
export const optionsFor = ({ bucket, endpoint, region, accessKeyId, secretAccessKey }: IsolatedBucket): S3StoreOptions => ({
  bucket,
  region,
  endpoint,
  forcePathStyle: true,
  credentials: { accessKeyId, secretAccessKey },
  encryption: 'AES256',
  checksums: 'when_supported',
  callTimeoutMs: 10_000,
  multipartCopyFromBytes: 8 * MiB,
  serverSideCopy: true,
  tuning: { copyPartBytes: 5 * MiB, readAheadBytes: MiB },
})

/** A bucket and stores on it for the tests of one file, removed after the last test. */
export function benchFor({ address }: StoreUnderTest): Bench {
  const made: ObjectStore[] = []
  const parts: Partial<{ bucket: IsolatedBucket; store: ObjectStore; raw: S3Client }> = {}
  const leftovers: Leftover[] = []
  const the = <K extends keyof typeof parts>(name: K): NonNullable<(typeof parts)[K]> => {
    const part = parts[name]
    if (part === undefined) throw new Error(`There is no ${name} before the first test`)
    return part
  }
  const options = () => ({ ...optionsFor(the('bucket')), onLeftover: (leftover: Leftover) => leftovers.push(leftover) })
  const storeWith = (changed: Partial<S3StoreOptions>) => {
    const store = s3ObjectStore({ ...options(), ...changed })
    made.push(store)
    return store
  }

  beforeAll(async () => {
    parts.bucket = await isolatedBucket(await address())
    parts.store = storeWith({})
    const { endpoint, region, accessKeyId, secretAccessKey } = parts.bucket
    parts.raw = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  })
  afterAll(async () => {
    for (const store of made) store.close()
    parts.raw?.destroy()
    await parts.bucket?.drop()
  })

  return {
    get store() {
      return the('store')
    },
    get bucket() {
      return the('bucket')
    },
    get raw() {
      return the('raw')
    },
    leftovers,
    storeWith,
    options,
  }
}
