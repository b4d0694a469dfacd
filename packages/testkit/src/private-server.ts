import type { Server, ServerName } from '@airlock/dev-servers'
import { type Addresses, startServer } from '@airlock/dev-servers'

/** A server of one test's own, which it may stop, freeze and flush. */
export interface PrivateServer<Address> {
  readonly kind: string
  readonly address: Address
  /** Stops it in good order; what it holds stays. */
  stop(): Promise<void>
  /** Starts it again, at the same address. */
  start(): Promise<void>
  /** Ends it without a word, as a crash does. */
  crash(): Promise<void>
  /** Freezes it: connections stay open, and nothing is answered. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Ends it and removes its data. */
  drop(): Promise<void>
}

/** Starts a server that no other test uses. It is never one that was given by URL. */
export async function privateServer<Name extends ServerName>(name: Name): Promise<PrivateServer<Addresses[Name]>> {
  const server: Server<Addresses[Name]> & { stopForGood(): Promise<void> } = await startServer(name, { say: () => {} })
  const { kind, address, controls, stopForGood } = server
  if (controls === null) throw new Error(`${name} is not ours to stop`)
  const { stop, start, crash, pause, resume } = controls
  return { kind, address, stop, start, crash, pause, resume, drop: stopForGood }
}
