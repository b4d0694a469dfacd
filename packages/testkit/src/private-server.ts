import type { Server, ServerName } from '@airlock/dev-servers'
import { type Addresses, startServer } from '@airlock/dev-servers'

/** A server of one test, which it may stop, freeze and flush. */
export interface PrivateServer<Address> {
  readonly kind: string
  readonly address: Address
  /** Stops it in order; its data is kept. */
  stop(): Promise<void>
  /** Starts it again at the same address. */
  start(): Promise<void>
  /** Kills it, as in a crash. */
  crash(): Promise<void>
  /** Freezes it: connections stay open without responses. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Stops it and removes its data. */
  drop(): Promise<void>
}

/** Starts a server that no other test uses, and that is never one given by URL. */
export async function privateServer<Name extends ServerName>(name: Name): Promise<PrivateServer<Addresses[Name]>> {
  const server: Server<Addresses[Name]> & { stopForGood(): Promise<void> } = await startServer(name, { say: () => {} })
  const { kind, address, controls, stopForGood } = server
  if (controls === null) throw new Error(`${name} was not started by the stack`)
  const { stop, start, crash, pause, resume } = controls
  return { kind, address, stop, start, crash, pause, resume, drop: stopForGood }
}
