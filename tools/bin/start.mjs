// `npm start`. Runs before packages are installed: plain JavaScript for Node 20, only with Node's modules.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { installAndRun } from './install.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** All flags with their descriptions, for parsing and `--help`. */
const flags = {
  check: 'send the samples and stop; exit with 0 if all results are as expected, otherwise 1',
  'no-samples': 'start without sending the samples',
  dashboards:
    'also start Prometheus with the alerts and Grafana with the dashboards, where they are installed or a container engine has them',
  logs: 'show the logs of gateway and worker here too; by default only their warnings and errors',
  reset: 'first delete the data of earlier runs in the data folder: database, queue, objects, logs',
  help: 'print this',
}

/** Variables with a special meaning for `npm start`. All others are passed to gateway and worker. */
const variables = {
  AIRLOCK_DATA_DIR: 'the data folder; by default .airlock in this repository. Not read from .env',
  AIRLOCK_ENV_FILE: 'the settings file; by default .env, empty for none',
  AIRLOCK_SERVERS: "'containers' or 'local': use only these",
  PORT: 'port of the gateway; by default 3000, or the next free one',
  HOST: 'address to listen on; by default 127.0.0.1',
  DATABASE_URL: 'a Postgres to use instead of starting one. Not read from .env',
  REDIS_URL: 'a Redis or Valkey to use instead of starting one. Not read from .env',
  S3_ENDPOINT: 'an object store to use instead of starting one, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Not read from .env',
}

const columns = 80

/** Wraps `text` into lines after a first column of `indent` characters. */
const wrapped = (text, indent) =>
  text.match(new RegExp(`\\S(.{0,${columns - indent - 1}}|\\S*)(?= |$)`, 'g')).join(`\n${' '.repeat(indent)}`)

function rows(table, prefix) {
  const width = 4 + Math.max(...Object.keys(table).map((name) => prefix.length + name.length))
  return Object.entries(table).map(([name, about]) => `  ${(prefix + name).padEnd(width - 2)}${wrapped(about, width)}`)
}

/** The settings in `.env.example`, which is generated from the code and can be read before packages are installed. */
function passedOn() {
  const example = readFileSync(join(root, '.env.example'), 'utf8')
  const settings = [...example.matchAll(/^# (.+)\n#([A-Z][A-Z0-9_]*)=(.*)$/gm)].filter(([, , name]) => !(name in variables))
  return settings.map(([, about, name, value]) => `  ${name}${value === '' ? '' : `=${value}`}\n      ${wrapped(about, 6)}`)
}

const help = () =>
  [
    wrapped('Starts Airlock on this machine: Postgres, Redis, S3, gateway and worker. Uploads sample files and runs until Ctrl-C.', 0),
    '',
    'Usage: npm start -- [flags]',
    '',
    ...rows(flags, '--'),
    '',
    'From the environment, or from .env unless stated otherwise:',
    ...rows(variables, ''),
    '',
    'Passed to gateway and worker, with their defaults:',
    ...passedOn(),
  ].join('\n')

process.exitCode = await main(process.argv.slice(2))

async function main(args) {
  try {
    const options = Object.fromEntries(Object.keys(flags).map((flag) => [flag, { type: 'boolean' }]))
    const given = parseArgs({ args, options }).values
    if (given.check && given['no-samples']) throw new Error('--check needs the samples, so it excludes --no-samples')
    const forwarded = Object.keys(given).map((flag) => `--${flag}`)
    const verdict = given.check ? "Check failed: Airlock can't run, see above." : undefined
    if (!given.help) return await installAndRun('npm start', 'tools/start/main.ts', forwarded, verdict)
    process.stdout.write(`${help()}\n`)
    return 0
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${help()}\n`)
    return 2
  }
}
