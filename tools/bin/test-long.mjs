// `npm run test:long`. Runs before packages are installed: plain JavaScript for Node 20, only with Node's modules.
import { installAndRun } from './install.mjs'

process.exitCode = await installAndRun('npm run test:long', 'tests/long/main.ts', process.argv.slice(2))
