// `npm start`. Runs before anything is installed: plain JavaScript for Node 20, nothing but Node's own modules.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { install } from './install.mjs'
import { runWithOwnNode } from './own-node.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const program = fileURLToPath(new URL('../src/start/main.ts', import.meta.url))

/** Every flag and what it does; parsing and `--help` walk this table. */
const flags = {
  check: 'send the samples, stop again; exit 0 when all went as expected, else 1',
  'no-samples': 'come up without sending the samples',
  reset: 'first throw away what earlier runs kept: database, queue, objects',
  help: 'print this',
}

const variables = {
  PORT: 'port of the gateway; by default 3000, or the next free one',
  HOST: 'address to listen on; by default 127.0.0.1',
  DATABASE_URL: 'a Postgres to use instead of one of our own',
  REDIS_URL: 'a Redis or Valkey to use instead of one of our own',
  S3_ENDPOINT: 'an object store to use instead of one of our own, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
}

const rows = (table, prefix) => Object.entries(table).map(([name, about]) => `  ${(prefix + name).padEnd(14)}  ${about}`)

const help = () =>
  [
    'Brings up Airlock on this machine: Postgres, Redis, S3, gateway and worker. Sends sample files through and stays up until Ctrl-C.',
    '',
    'Usage: npm start -- [flags]',
    '',
    ...rows(flags, '--'),
    '',
    'From the environment:',
    ...rows(variables, ''),
  ].join('\n')

const say = (line) => process.stdout.write(`${line}\n`)

process.exitCode = await main(process.argv.slice(2))

async function main(args) {
  const asked = parse(args)
  if (asked === null) return 2
  if (asked.help) {
    say(help())
    return 0
  }
  try {
    await install(root, say)
  } catch (error) {
    process.stderr.write(`npm start can't go on: ${error.message}\n`)
    return 1
  }
  return runWithOwnNode(
    root,
    program,
    Object.keys(asked).map((flag) => `--${flag}`),
  )
}

function parse(args) {
  try {
    const options = Object.fromEntries(Object.keys(flags).map((flag) => [flag, { type: 'boolean' }]))
    const asked = parseArgs({ args, options }).values
    if (asked.check && asked['no-samples']) throw new Error('--check sends the samples, so it does not go with --no-samples')
    return asked
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${help()}\n`)
    return null
  }
}
