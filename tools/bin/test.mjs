// `npm test`. Runs before packages are installed: plain JavaScript for Node 20, only with Node's modules.
import { fileURLToPath } from 'node:url'
import { install } from './install.mjs'
import { runWithOwnNode } from './own-node.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const program = fileURLToPath(new URL('../verify/main.ts', import.meta.url))

const help = `Proves that Airlock works: lint, types, import check, unit and integration tests on real servers, coverage.

Usage: npm test                        everything, in a few minutes
       npm test -- PATH …              only the tests below PATH
       npm test -- --project unit      only what needs no servers
       npm test -- -t 'some words'     only tests with these words in their name
Whatever stands after -- goes to Vitest, and then only tests run.

Postgres, Redis and S3 are brought up for the run, from containers or as local processes, and ended after it.
From the environment, each optional:
  TEST_DATABASE_URL   a Postgres to use instead; tests make databases of their own on it
  TEST_REDIS_URL      a Redis or Valkey to use instead; tests use key prefixes of their own
  TEST_S3_ENDPOINT    an object store to use instead, with TEST_S3_ACCESS_KEY_ID and TEST_S3_SECRET_ACCESS_KEY
  AIRLOCK_SERVERS     'containers' or 'local': only these, where both would do

The last line is: N passed, N failed. The exit code is 0 when nothing failed.`

const say = (line) => process.stdout.write(`${line}\n`)

process.exitCode = await main(process.argv.slice(2))

async function main(args) {
  if (args.includes('--help') || args.includes('-h')) {
    say(help)
    return 0
  }
  try {
    await install(root, say)
  } catch (error) {
    process.stderr.write(`npm test failed: ${error.message}\n`)
    say('0 passed, 1 failed')
    return error.exitCode ?? 1
  }
  return runWithOwnNode(root, program, args)
}
