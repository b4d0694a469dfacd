import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Airlock } from '@airlock/client'
import type { Context } from '../context.ts'
import { failureOf, Misuse } from '../failure.ts'
import { claimsOf, isUnprotected, loginFile, removeLogin, type ServerOptions, serverUrl, storeLogin } from '../server.ts'
import type { Terminal } from '../terminal.ts'
import { timeText } from '../text.ts'
import { reasonOf } from '../upload/find-files.ts'

interface LoginOptions extends ServerOptions {
  readonly tokenFile?: string
}

/** A token that is longer is a mistake, such as the wrong file. */
const longestToken = 16_384

/** Stores a token for one server, after the server has accepted it. */
export async function login(argument: string | undefined, options: LoginOptions, { terminal }: Context): Promise<number> {
  const { env } = terminal
  const url = serverUrl(env, options.url)
  const warning = terminal.paint('yellow', 'Warning:')
  const token = await tokenFrom(argument, options, url, terminal)
  if (isUnprotected(url)) terminal.err(`${warning} ${url} is not encrypted: others in the network can read your token.`)
  try {
    await new Airlock({ baseUrl: url, token, retry: { forMs: 2000 } }).jobs.list({ limit: 1 })
  } catch (error) {
    const { code, detail } = failureOf(error, url)
    throw new Error(`${detail.replace(/ Get a new token,.*/, '')} Nothing was stored. (${code})`)
  }
  storeLogin(env, url, token)
  const { sub, exp } = claimsOf(token) ?? {}
  terminal.err(`Logged in to ${url}${sub === undefined ? '' : ` as ${sub}`}${exp === undefined ? '' : `, until ${timeText(exp * 1000)}`}.`)
  terminal.err(`The token is stored in ${loginFile(env)}, and sent to this server only.`)
  if (argument !== undefined && argument !== '-')
    terminal.err(`${warning} an argument stays in the history of the shell. 'airlock login' asks for the token instead.`)
  if (env.AIRLOCK_TOKEN) terminal.err(`${warning} while AIRLOCK_TOKEN is set, it is used in place of stored tokens.`)
  return 0
}

/** The token from the argument, a file, standard input, the environment, or a question, in this order. @throws Misuse */
async function tokenFrom(argument: string | undefined, { tokenFile }: LoginOptions, url: string, terminal: Terminal): Promise<string> {
  if (argument !== undefined && tokenFile !== undefined) throw new Misuse('Give the token as an argument or in a file, not both.')
  const { stdin, env } = terminal
  const fromFile = async (path: string) =>
    readFile(path, 'utf8').catch((error) => {
      throw new Misuse(`'${path}' ${reasonOf(error)}`)
    })
  const read = async () => {
    if (argument === '-' || tokenFile === '-') return text(stdin)
    if (tokenFile !== undefined) return fromFile(tokenFile)
    if (argument !== undefined) return argument
    if (env.AIRLOCK_TOKEN) return env.AIRLOCK_TOKEN
    if (terminal.canAsk) return terminal.askSecret(`Token for ${url} (it is not shown): `)
    return text(stdin)
  }
  const token = (await read()).trim()
  if (token === '') throw new Misuse('The token is empty.')
  if (token.length > longestToken || !/^[\x21-\x7e]+$/.test(token))
    throw new Misuse('This is not a token: it is one word of letters, digits and punctuation.')
  return token
}

export async function logout(options: ServerOptions, { terminal }: Context): Promise<number> {
  const url = serverUrl(terminal.env, options.url)
  const wasThere = removeLogin(terminal.env, url)
  terminal.err(wasThere ? `The token for ${url} is deleted.` : `There was no token for ${url}.`)
  return 0
}
