import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { MediaType } from '@airlock/domain'

const { resolve } = createRequire(import.meta.url)
const name = '@contentauth/c2pa-wasm'

type Library = typeof import('@contentauth/c2pa-wasm')

/** 9 MB that only files with credentials need: loaded for the first of them. A copy that a file broke is replaced. */
const state: { library: Promise<Library> | null; copies: number } = { library: null, copies: 0 }

/** Memory that a compressed manifest may unpack to. */
const maxUnpackedMiB = 16

/** The answer of the library about one file; both are its JSON, whose values come from the file. */
export interface LibraryAnswer {
  readonly activeLabel: string
  /** All manifests, with all assertions (`crJSON`). */
  readonly manifests: unknown
  /** Results of validation by manifest. */
  readonly validation: unknown
}

/**
 * Reads and validates content credentials. The library makes no request: it is not allowed to, and the process has no network.
 *
 * @param bytes a whole picture, or the boxes of a video that matter
 * @returns 'none' if the library finds no credentials, null if it can't read them
 */
export async function readCredentials(
  bytes: Uint8Array,
  mediaType: MediaType,
  trustPem: string | null,
): Promise<LibraryAnswer | 'none' | null> {
  state.library ??= load()
  const { WasmReader } = await state.library
  const reading = WasmReader.fromBytes(mediaType, bytes, settingsFor(trustPem))
  const reader = await ended(reading)
  if (reader === null || reader === 'none') return reader
  try {
    return { activeLabel: reader.activeLabel() ?? '', manifests: JSON.parse(reader.crJson()), validation: JSON.parse(reader.json()) }
  } catch (error) {
    return unreadable(error)
  } finally {
    // a library that broke can't free anything
    if (state.library !== null) reader.free()
  }
}

async function load(): Promise<Library> {
  const library = (await import(`${pathToFileURL(resolve(name)).href}?${state.copies++}`)) as Library
  library.initSync({ module: readFileSync(resolve(`${name}/c2pa.wasm`)) })
  return library
}

/** What certificates of the list may do: sign, and confirm the time of a signature. */
const trustedKinds = ['manifest', 'tsa'] as const

/** A certificate of the list is trusted as a root (`trust_anchors`), and as a signer (`allowed_list`). */
const trustOf = (pem: string, kind: (typeof trustedKinds)[number]) => ({
  trust_anchors: pem,
  allowed_list: pem,
  trust_uri: 'operator',
  trust_kind: kind,
})

/** @see https://opensource.contentauthenticity.org/docs/c2pa-settings. */
const settingsFor = (trustPem: string | null): string =>
  JSON.stringify({
    verify: {
      verify_after_reading: true,
      verify_trust: true,
      verify_timestamp_trust: true,
      ocsp_fetch: false,
      remote_manifest_fetch: false,
    },
    // identities of people (CAWG) are not part of the verdict, and some of them are looked up on the web
    core: { decode_identity_assertions: false, allowed_network_hosts: [], max_decompressed_manifest_size_in_mb: maxUnpackedMiB },
    trust: trustPem === null ? {} : { anchors: trustedKinds.map((kind) => trustOf(trustPem, kind)) },
  })

/**
 * The result of a call that only computes, so that it has ended when no microtask is left: after that it never will, because the library broke.
 *
 * @throws Error if the settings are wrong, which is not the fault of a file
 */
async function ended<T>(call: Promise<T>): Promise<T | 'none' | null> {
  const never = Symbol()
  try {
    const result = await Promise.race([call, new Promise<typeof never>((resolved) => setImmediate(resolved, never))])
    if (result !== never) return result
    state.library = null
    return null
  } catch (error) {
    return String(error).includes('JumbfNotFound') ? 'none' : unreadable(error)
  }
}

function unreadable(error: unknown): null {
  if (String(error).includes('could not parse configuration'))
    throw new Error(`the library of content credentials refuses its settings: ${error}`)
  // a trap, or a stack overflow, leaves the library in an undefined state
  if (error instanceof Error && ['RuntimeError', 'RangeError'].includes(error.name)) state.library = null
  return null
}
