// `npm test`. Runs before packages are installed: plain JavaScript for Node 20, only with Node's modules.
import { installAndRun } from './install.mjs'

const help = `Proves that Airlock works: lint, types, unit and integration tests on real servers.

Usage: npm test                        what to run after a change, in a few minutes
       npm test -- --all               everything that CI runs, and the coverage of it, in a quarter of an hour
       npm test -- PATH …              only the tests below PATH
       npm test -- --project unit      only what needs no servers
       npm test -- -t 'some words'     only tests with these words in their name
Other arguments after -- are passed to Vitest, and then only tests run.

Postgres, Redis and S3 are brought up for the run, from containers or as local processes, and ended after it.
From the environment, each optional:
  TEST_DATABASE_URL   a Postgres to use instead; tests make databases of their own on it
  TEST_REDIS_URL      a Redis or Valkey to use instead; tests use key prefixes of their own
  TEST_S3_ENDPOINT    an object store to use instead, with TEST_S3_ACCESS_KEY_ID and TEST_S3_SECRET_ACCESS_KEY
  AIRLOCK_SERVERS     'containers' or 'local': only these, where both would do
  CI                  set: a failed test is tried again

The last line is: N passed, N failed. The exit code is 0 when nothing failed.`

const args = process.argv.slice(2)
if (args.includes('--help') || args.includes('-h')) process.stdout.write(`${help}\n`)
else process.exitCode = await installAndRun('npm test', 'tools/verify/main.ts', args, '0 passed, 1 failed')
