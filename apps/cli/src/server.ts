import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { Airlock, type AirlockOptions } from '@airlock/client'
import { Misuse } from './failure.ts'
import type { Terminal } from './terminal.ts'
import { printable } from './text.ts'

type Environment = Terminal['env']

const defaultUrl = 'http://127.0.0.1:3000'

/** A folder of the XDG base directory specification, which ignores relative paths. */
const xdgFolder = (value: string | undefined, fallback: string): string =>
  join(value?.startsWith('/') ? value : join(homedir(), fallback), 'airlock')

export const stateFolder = ({ XDG_STATE_HOME }: Environment): string => xdgFolder(XDG_STATE_HOME, '.local/state')

/** Where `airlock login` keeps tokens, each for one server. */
export const loginFile = ({ XDG_CONFIG_HOME }: Environment): string => join(xdgFolder(XDG_CONFIG_HOME, '.config'), 'logins.json')

interface Logins {
  /** The server of the last login. */
  readonly current?: string
  readonly tokens: Readonly<Record<string, string>>
}

function readLogins(env: Environment): Logins {
  const path = loginFile(env)
  try {
    const { current, tokens } = JSON.parse(readFileSync(path, 'utf8'))
    return { ...(typeof current === 'string' && { current }), tokens: { ...tokens } }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { tokens: {} }
    throw new Misuse(`'${path}' can't be read (${(error as Error).message}). 'airlock login' writes it anew once it is deleted.`)
  }
}

/** Replaces the file as a whole. Nobody but its owner can read it at any moment. */
function writeLogins(env: Environment, logins: Logins): void {
  const path = loginFile(env)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  chmodSync(dirname(path), 0o700)
  const next = `${path}.${process.pid}`
  rmSync(next, { force: true })
  writeFileSync(next, `${JSON.stringify(logins, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  renameSync(next, path)
}

export function storeLogin(env: Environment, url: string, token: string): void {
  writeLogins(env, { current: url, tokens: { ...readLogins(env).tokens, [url]: token } })
}

/** @returns whether there was a token of this server */
export function removeLogin(env: Environment, url: string): boolean {
  const { current, tokens } = readLogins(env)
  if (!Object.hasOwn(tokens, url)) return false
  const { [url]: _, ...others } = tokens
  writeLogins(env, { ...(current !== undefined && current !== url && { current }), tokens: others })
  return true
}

/** The URL of the server as tokens are stored for it. @throws Misuse */
export function serverUrl(env: Environment, option: string | undefined): string {
  const given = option ?? (env.AIRLOCK_URL || undefined) ?? readLogins(env).current ?? defaultUrl
  const url = URL.canParse(given) ? new URL(given) : null
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Misuse(`'${given}' is not the URL of a server, such as ${defaultUrl}.`)
  if (url.username || url.password) throw new Misuse('The URL of the server must not contain a password. The token is enough.')
  return url.origin + (url.pathname.endsWith('/') ? url.pathname.slice(0, -1) : url.pathname)
}

/** Whether others in the network can read what is sent. */
export const isUnprotected = (url: string): boolean => {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
}

/** The token for a server: of the environment, or stored for exactly this server. */
export function tokenFor(url: string, env: Environment): string | null {
  return env.AIRLOCK_TOKEN?.trim() || (readLogins(env).tokens[url] ?? null)
}

export interface ServerOptions {
  readonly url?: string
}

/** The server with which a command works. */
export interface Server {
  readonly url: string
  /** Identifies the user, without a secret in it. */
  readonly user: string
  client(options?: Pick<AirlockOptions, 'resumeFile' | 'retry'>): Airlock
}

/** @throws Misuse if there is no token */
export function connect({ url: option }: ServerOptions, terminal: Terminal): Server {
  const { env } = terminal
  const url = serverUrl(env, option)
  const token = tokenFor(url, env)
  if (token === null) throw new Misuse(`There is no token for ${url}. Log in with 'airlock login --url ${url}', or set AIRLOCK_TOKEN.`)
  warnOfReaders(terminal)
  return {
    url,
    user: claimsOf(token)?.sub ?? createHash('sha256').update(token).digest('hex'),
    // asked again for each request: a token may be replaced by another 'airlock login' while this one runs
    client: (options) => new Airlock({ baseUrl: url, token: () => tokenFor(url, env) ?? token, ...options }),
  }
}

/** Warns if others can read the stored tokens, for example after a copy of the file. */
function warnOfReaders(terminal: Terminal): void {
  const { env } = terminal
  if (env.AIRLOCK_TOKEN || process.platform === 'win32') return
  const path = loginFile(env)
  const { mode } = statSync(path)
  if ((mode & 0o077) !== 0)
    terminal.err(`${terminal.paint('yellow', 'Warning:')} other users can read your tokens in ${path}. Run: chmod 600 '${path}'`)
}

export interface Claims {
  readonly sub?: string
  /** In seconds since 1970. */
  readonly exp?: number
}

/** What a token says of itself, unverified; null if it is not a JWT. */
export function claimsOf(token: string): Claims | null {
  try {
    const { sub, exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    return { ...(typeof sub === 'string' && { sub: printable(sub) }), ...(typeof exp === 'number' && { exp }) }
  } catch {
    return null
  }
}
