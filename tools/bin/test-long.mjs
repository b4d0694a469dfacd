// `npm run test:long`. Runs before anything is installed: plain JavaScript for Node 20, nothing but Node's own modules.
import { installAndRun } from './install.mjs'

process.exitCode = await installAndRun('npm run test:long', 'tests/long/main.ts', process.argv.slice(2))
