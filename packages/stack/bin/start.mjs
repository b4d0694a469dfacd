// `npm start`. Runs before anything is installed: plain JavaScript for Node 20, nothing but Node's own modules.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { install, ownNode } from './install.mjs'

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
  return runWithOwnNode(Object.keys(asked).map((flag) => `--${flag}`))
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

/**
 * Runs the rest under the Node of the clone and hands its exit code on. Signals are passed on, not obeyed: the program below stops
 * its servers in order, and this one waits for it. Its standard input is a pipe that closes with us, so it stops also when we are killed.
 */
function runWithOwnNode(args) {
  return new Promise((resolve) => {
    const child = spawn(ownNode(root), [program, ...args], { cwd: root, stdio: ['pipe', 'inherit', 'inherit'] })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    child.on('error', (error) => {
      process.stderr.write(`${ownNode(root)} can't be run: ${error.message}\n`)
      resolve(1)
    })
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
  })
}
